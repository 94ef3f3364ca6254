import type { Position } from "./partition-window.ts";

/** What is known of one partition when a reader gets it. */
export interface PartitionFacts {
  /** What the broker keeps for the reader's group; undefined: nothing. */
  readonly committed: Position | undefined;
  /** What this process said last, and last with success; it read up to `next`. Undefined: it did not have the partition. */
  readonly mine: { readonly said: readonly (Position | undefined)[]; readonly next: number } | undefined;
  /** Where a reader begins that is not there yet. */
  readonly start: number;
  /** The first record that is kept, and the one that will come next. */
  readonly low: number;
  readonly high: number;
}

/** Where to go on: with what this process holds, or from a position. */
export type Choice = { readonly kind: "go on" } | { readonly kind: "from"; readonly position: Position };

/**
 * Others may have had the partition meanwhile. If what is committed is what this process said, nothing happened that it
 * does not know, and it goes on with what it holds. Else it begins where the group is, within what the broker still keeps.
 */
export function choosePosition({ committed, mine, start, low, high }: PartitionFacts): Choice {
  const isMine =
    mine !== undefined &&
    committed !== undefined &&
    mine.said.some((said) => said?.offset === committed.offset && said.metadata === committed.metadata);
  if (isMine && mine.next >= low && mine.next <= high) return { kind: "go on" };
  const wanted = committed ?? { offset: start, metadata: "" };
  // Beyond the end: the broker lost records, or the topic was made anew. What it keeps comes, again rather than never.
  if (wanted.offset < low || wanted.offset > high) return { kind: "from", position: { offset: low, metadata: "" } };
  return { kind: "from", position: wanted };
}

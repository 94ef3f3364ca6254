import type { Budget } from "../workspace/limits.ts";
import { spend } from "../workspace/limits.ts";

/** A place in a tree where another repository's commit belongs. */
export interface Gitlink {
  readonly path: string;
  readonly commit: string;
}

/** Reads `git ls-tree -r -l -z`, chunk by chunk. */
export interface TreeReader {
  /** @throws StepFailure as soon as the tree passes the budget. */
  readonly read: (chunk: Buffer) => void;
  readonly gitlinks: readonly Gitlink[];
}

/** A reader that spends each file of the tree, before any of it is written. */
export function makeTreeReader(budget: Budget): TreeReader {
  const gitlinks: Gitlink[] = [];
  let rest = Buffer.alloc(0);
  const readEntry = (entry: string): void => {
    const [, mode, id = "", size, path = ""] = /^(\d+) \w+ ([0-9a-f]+) +(\d+|-)\t([^]*)$/.exec(entry) ?? [];
    if (mode === "160000") gitlinks.push({ path, commit: id });
    else spend(budget, Number(size), 1);
  };
  const read = (chunk: Buffer): void => {
    rest = Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      readEntry(rest.toString("utf8", 0, end));
      rest = rest.subarray(end + 1);
    }
  };
  return { read, gitlinks };
}

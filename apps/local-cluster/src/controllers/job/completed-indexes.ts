const indexCountMax = 100_000;

/** Reads `status.completedIndexes`, such as `0,2-4,7`. What is not a range is left out, as upstream does. */
export function parseIndexes(text: string | undefined): Set<number> {
  const indexes = new Set<number>();
  for (const range of (text ?? "").split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (match === null) continue;
    const first = Number(match[1]);
    const last = Math.min(Number(match[2] ?? first), first + indexCountMax);
    for (let index = first; index <= last; index += 1) indexes.add(index);
  }
  return indexes;
}

/** The indexes as Kubernetes writes them: ascending, two neighbours with a comma, three and more as a range. */
export function formatIndexes(indexes: ReadonlySet<number>): string {
  const ranges: { first: number; last: number }[] = [];
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const open = ranges.at(-1);
    if (open !== undefined && open.last === index - 1) open.last = index;
    else ranges.push({ first: index, last: index });
  }
  return ranges.map(rangeText).join(",");
}

function rangeText({ first, last }: { first: number; last: number }): string {
  if (first === last) return String(first);
  return first + 1 === last ? `${first},${last}` : `${first}-${last}`;
}

/** The lowest `count` indexes below `end` that are not taken. */
export function firstFreeIndexes(count: number, end: number, isTaken: (index: number) => boolean): number[] {
  const free: number[] = [];
  for (let index = 0; index < end && free.length < count; index += 1) if (!isTaken(index)) free.push(index);
  return free;
}

/** The counts that are not zero: Kubernetes leaves zeros out of a status, and its clients read what is absent as zero. */
export function withoutZeros<Counts extends Record<string, number>>(counts: Counts): Partial<Counts> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)) as Partial<Counts>;
}

/** One row of a table; also what `--json` holds. */
export type Row = Readonly<Record<string, string | number>>;

/** A figure that is held against a bound. */
export interface Target {
  readonly name: string;
  readonly value: number;
  readonly target: number;
  readonly unit: string;
  readonly holds: boolean;
}

/** What one benchmark found. */
export interface Findings {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly targets: readonly Target[];
  /** What a reader must know to judge the figures: a void run, something that was not run. */
  readonly remarks: readonly string[];
}

export function atLeast(name: string, value: number, bound: { target: number; unit: string }): Target {
  return { name, value: rounded(value), ...bound, holds: value >= bound.target };
}

export function atMost(name: string, value: number, bound: { target: number; unit: string }): Target {
  return { name, value: rounded(value), ...bound, holds: value <= bound.target };
}

/** Three digits are all that a benchmark on a shared machine can mean. */
export function rounded(value: number): number {
  if (!Number.isFinite(value)) return 0;
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: readonly number[], ratio: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * ratio;
  const [below = NaN, above = below] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at % 1);
}

/** `min–max` over the rounds. */
export function spread(values: readonly number[]): string {
  return `${rounded(Math.min(...values))}–${rounded(Math.max(...values))}`;
}

export function printFindings({ title, rows, targets, remarks }: Findings): void {
  console.log(`\n${title}`);
  printRows(rows);
  for (const { name, value, target, unit, holds } of targets) {
    console.log(`  ${holds ? "holds" : "MISSED"}  ${name}: ${value} ${unit} (target ${target})`);
  }
  for (const remark of remarks) console.log(`  note: ${remark}`);
}

function printRows(rows: readonly Row[]): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? "")))];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]?.length ?? 0)));
  for (const line of cells) {
    const isText = (at: number): boolean => typeof rows[0]?.[columns[at] ?? ""] === "string";
    const padded = line.map((cell, at) => (isText(at) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)));
    console.log(`  ${padded.join("  ").trimEnd()}`);
  }
}

/** A line that gives a fresh UTS namespace its name. Where the kernel keeps that file read-only it stays as it was. */
export function hostnameLine(name: string): string {
  return `{ echo ${shellQuote(name)} > /proc/sys/kernel/hostname; } 2>/dev/null;`;
}

/** A word as the shell takes it, whatever is in it. */
export function shellQuote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Prints a step's lines with every announced secret masked. */
export interface Printer {
  readonly say: (line: string) => void;
  readonly hide: (secret: string) => void;
  readonly mask: (text: string) => string;
}

/** Shorter secrets would mask half of ordinary text, and protect nothing. */
const secretLengthMin = 4;

/** A printer over `writeLine`. Secrets are masked as they are, percent-encoded, and in base64. */
export function makePrinter(writeLine: (line: string) => void): Printer {
  const secrets = new Set<string>();
  const mask = (text: string): string => {
    let masked = text;
    // Longest first: a secret that contains another must not leave its rest behind.
    for (const secret of [...secrets].toSorted((a, b) => b.length - a.length)) {
      masked = masked.replaceAll(secret, "***");
    }
    return masked;
  };
  return {
    mask,
    say: (line) => writeLine(mask(line)),
    hide: (secret) => {
      for (const line of [secret, ...secret.split("\n")].map((part) => part.trim())) {
        if (line.length < secretLengthMin) continue;
        secrets.add(line);
        secrets.add(encodeURIComponent(line));
        secrets.add(Buffer.from(line).toString("base64"));
      }
    },
  };
}

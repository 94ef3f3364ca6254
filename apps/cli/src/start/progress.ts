/** Tells the user how far it is, on stderr: stdout has the ready line only. */
export interface Progress {
  say(text: string): void;
}

export function openProgress(startMs: number, write: (text: string) => void, nowMs: () => number): Progress {
  return {
    say(text) {
      const seconds = ((nowMs() - startMs) / 1000).toFixed(1).padStart(5);
      write(`${seconds} s  ${text}\n`);
    },
  };
}

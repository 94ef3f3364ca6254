import { readFileSync } from "node:fs";

const POLL_MS = 500;

/** What is needed of `process`. */
interface Child {
  readonly ppid: number;
}

/**
 * Calls `onGone` when the npm that started us has gone without a word, as after kill -9: nobody could pass that on, and a
 * user who has killed npm means us. Any other parent may go: a shell leaves what it has put into the background running.
 */
export function followNpm(
  child: Child,
  onGone: () => void,
  commandOf: (pid: number) => string = readCommand,
): { close(): void } {
  const parent = child.ppid;
  if (!isNpm(commandOf(parent))) return { close: () => undefined };
  let timer: NodeJS.Timeout | undefined;
  function look(): void {
    if (child.ppid !== parent) onGone();
    else timer = setTimeout(look, POLL_MS).unref();
  }
  look();
  return { close: () => clearTimeout(timer) };
}

/** npm gives itself a title such as "npm start"; started by a script it is "node …/npm-cli.js start". */
export function isNpm(command: string): boolean {
  const [file = "", script = ""] = command.split(/[\0 ]/);
  return [file, script].some((word) => /(?:^|\/)(?:npm|npx)(?:-cli\.js)?$/.test(word));
}

function readCommand(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // Gone already, or not ours to look at: not known to be npm.
    return "";
  }
}

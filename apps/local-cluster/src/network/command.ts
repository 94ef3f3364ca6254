import { spawn } from "node:child_process";

const OUTPUT_BYTES_MAX = 64 * 1024;

/** Runs a short tool to its end with `input` on stdin. @throws Error with the tool's own words when it fails. */
export function runCommand(words: readonly string[], input = ""): Promise<void> {
  const [file = "", ...args] = words;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ["pipe", "ignore", "pipe"] });
    let output = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      if (output.length < OUTPUT_BYTES_MAX) output += chunk;
    });
    child.on("error", (cause) => {
      reject(new Error(`cannot run ${file}: ${cause.message}`, { cause }));
    });
    child.on("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${words.join(" ")} failed (${code ?? "killed"}): ${output.trim()}`));
    });
    // A tool that fails early closes its stdin; its exit code tells the story.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

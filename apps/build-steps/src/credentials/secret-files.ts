import { open } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../error-code.ts";
import { StepFailure } from "../step-failure.ts";

/** The API server takes no Secret above 1 MiB. */
const secretBytesMax = 1024 * 1024;

/** The keys of one mounted Secret. */
export interface SecretFiles {
  readonly name: string;
  /** The whole text of a key. @throws StepFailure when the Secret lacks it. */
  require(key: string): Promise<string>;
  /** The whole text of a key, or undefined when the Secret lacks it. */
  find(key: string): Promise<string | undefined>;
}

/** Reads the Secret mounted at `<secretsDir>/<name>`. Nothing is read until a key is asked for. */
export function openSecret(secretsDir: string, name: string): SecretFiles {
  const find = async (key: string): Promise<string | undefined> => await readKey(join(secretsDir, name, key));
  return {
    name,
    find,
    require: async (key) => {
      const text = await find(key);
      if (text !== undefined) return text;
      throw new StepFailure(
        "CredentialsInvalid",
        `Secret "${name}" has no key "${key}"; add it, or take the Secret off the Build's ServiceAccount`,
      );
    },
  };
}

async function readKey(file: string): Promise<string | undefined> {
  try {
    await using handle = await open(file, "r");
    const { size } = await handle.stat();
    if (size > secretBytesMax) throw new StepFailure("CredentialsInvalid", `${file} is larger than 1 MiB`);
    return await handle.readFile("utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** A user name or password without the line end that editors and `echo` put behind it, which no server expects. */
export function trimLineEnd(text: string): string {
  return text.replace(/[\r\n]+$/, "");
}

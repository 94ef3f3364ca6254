import { accessSync, constants } from "node:fs";
import { join } from "node:path";

/** Where nsenter, unshare, mount and the like are found, whatever a container says of its own PATH. */
export const toolPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const found = new Map<string, string>();

/** The file of a tool of this machine, for when the search path is already the container's. The name where there is none. */
export function toolFile(name: string): string {
  const known = found.get(name);
  if (known !== undefined) return known;
  const file = toolPath
    .split(":")
    .map((directory) => join(directory, name))
    .find(isExecutable);
  if (file !== undefined) found.set(name, file);
  return file ?? name;
}

/** Whether this machine has a tool. */
export function hasTool(name: string): boolean {
  return toolFile(name) !== name;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    // Not there, or not for us.
    return false;
  }
}

import { parseFlags } from "./flags.ts";
import type { Command } from "./command.ts";

/** The Pod's one regular container. It starts when every step is done, so it has nothing left to do but say so. */
export const nop: Command = async (args, context) => {
  parseFlags(args, {});
  context.say("Build finished: every step has run.");
  return await Promise.resolve([]);
};

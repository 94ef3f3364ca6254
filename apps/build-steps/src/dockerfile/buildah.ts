import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CommandContext } from "../command.ts";
import { readCredentials } from "../image/registry.ts";
import { eachLine, runTool } from "../tool-process.ts";
import { explainBuildahFailure } from "./buildah-failure.ts";

/** Debian's buildah with a storage and configuration of its own, all below one directory. */
export interface Buildah {
  /** Runs a sub-command. Its lines are the step's. @throws StepFailure when it fails. */
  run(subCommand: string, args: readonly string[]): Promise<void>;
}

/** Prepares buildah to work below `dir`. `registry` is that of the image to push. */
export async function openBuildah(dir: string, context: CommandContext): Promise<Buildah> {
  await readCredentials(context);
  const { dockerConfigDir, registry, passedOn } = context.config;
  await writeFile(join(dir, "policy.json"), JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  await writeFile(join(dir, "registries.conf"), formatRegistries(registry.plainHttp));
  const env = {
    ...passedOn,
    HOME: dir,
    TMPDIR: dir,
    XDG_RUNTIME_DIR: dir,
    // vfs needs no rights and no kernel's help; chroot isolation needs no nested runtime.
    STORAGE_DRIVER: "vfs",
    BUILDAH_ISOLATION: "chroot",
    CONTAINERS_REGISTRIES_CONF: join(dir, "registries.conf"),
    ...(dockerConfigDir === undefined ? {} : { REGISTRY_AUTH_FILE: join(dockerConfigDir, "config.json") }),
  };
  const storage = ["--root", join(dir, "storage"), "--runroot", join(dir, "run"), "--storage-driver", "vfs"];
  const policy = ["--signature-policy", join(dir, "policy.json")];
  return {
    run: async (subCommand, args) => {
      const print = eachLine((line) => {
        if (line.trim() !== "") context.say(`  ${line}`);
      });
      const answer = await runTool({
        program: "buildah",
        args: [...storage, subCommand, ...policy, ...args],
        cwd: dir,
        env,
        signal: context.signal,
        onStdout: print,
        onStderr: print,
        remedy:
          "install Debian's package buildah, or use a template that packs a directory instead, such as node-app or static-site",
      });
      if (answer.exitCode !== 0) throw explainBuildahFailure(answer);
    },
  };
}

/** Names without a registry are Docker Hub's, as in Dockerfiles everywhere. Registries of this machine speak plain http. */
function formatRegistries(plainHttp: readonly string[]): string {
  const plain = [...plainHttp, "localhost", "127.0.0.1", "[::1]", "*.localhost"].flatMap((host) => [
    "[[registry]]",
    `${host.startsWith("*.") ? "prefix" : "location"} = ${JSON.stringify(host)}`,
    "insecure = true",
  ]);
  return ['unqualified-search-registries = ["docker.io"]', 'short-name-mode = "permissive"', ...plain, ""].join("\n");
}

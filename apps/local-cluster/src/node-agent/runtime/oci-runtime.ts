import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hostPlace } from "../host-place.ts";
import { hostnameOf } from "../system-files.ts";
import { isMachineRoot } from "./identity-map.ts";
import { makeOciConfig } from "./oci-config.ts";
import { type FoundTool, findOciTool, type OciTool, type OciToolPlace } from "./oci-tool.ts";
import { makeOverlayRoot } from "./overlay-root.ts";
import { placeInRoot } from "./place-in-root.ts";
import { lacksUser } from "./privileges.ts";
import type { LaunchPlan, RunRequest, Runtime, WatchedApp } from "./runtime.ts";

/**
 * An image's root file system under an overlay, run by runc or crun as a bundle: with processes, devices and rights of its
 * own. `run` stays beside the container: it is who hears of its end. What a former life has left in `directory` is forgotten,
 * its processes ended with that.
 */
export function makeOciRuntime(place: OciToolPlace): Runtime {
  rmSync(place.directory, { recursive: true, force: true });
  mkdirSync(place.directory, { recursive: true, mode: 0o700 });
  let trial: Promise<void> | undefined;
  let found: FoundTool = { works: false, fact: "not tried yet" };
  return {
    name: "oci",
    async tried() {
      trial ??= findOciTool(place).then((outcome) => {
        found = outcome;
      });
      await trial;
      return found;
    },
    lacks({ rootfs, security }) {
      if (rootfs === undefined)
        return "the image is a directory of this machine and has no root file system of its own";
      return found.works ? lacksUser(security) : found.fact;
    },
    plan(request) {
      if (found.tool === undefined) throw new Error(`there is no OCI runtime: ${found.fact}`);
      return planBundle(request, found.tool);
    },
  };
}

function planBundle(request: RunRequest, tool: OciTool): LaunchPlan {
  const { pod, command, env, security, workingDir, scratch, cgroupsPath, rootfs = "/" } = request;
  const root = makeOverlayRoot(rootfs, scratch);
  const bundle = join(scratch, "bundle");
  rmSync(bundle, { recursive: true, force: true });
  mkdirSync(bundle, { recursive: true });
  const config = makeOciConfig({
    command,
    env,
    workingDir,
    root: root.path,
    hostname: hostnameOf(pod),
    security,
    mounts: placeInRoot(request, rootfs, []).map(({ mount: { source, isReadOnly = false }, inside }) => ({
      source,
      inside,
      isReadOnly,
      lockedOptions: isReadOnly ? hostPlace.lockedOptions(source) : [],
    })),
    cgroupsPath,
    isMachineRoot: isMachineRoot(),
  });
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  const id = randomBytes(16).toString("hex");
  const pidFile = join(bundle, "pid");
  // Warnings go there; why it failed is said in the container's log too.
  const log = ["--log", join(bundle, "log")];
  return {
    words: ["unshare", "--mount", "--propagation", "private"],
    script: root.line,
    directory: "/",
    finish: [...tool.words, ...log, "run", "--keep", "--bundle", bundle, "--pid-file", pidFile, id],
    env,
    watched: watchApp(pidFile, () => tool.remove(id)),
    enter(_, hasTerminal) {
      // It makes one of its own, inside, and passes on what comes and goes.
      const terminal = hasTerminal ? ["--tty", "--env", "TERM=xterm"] : [];
      return [...tool.words, ...log, "exec", ...terminal, id];
    },
  };
}

function watchApp(pidFile: string, release: () => Promise<void>): WatchedApp {
  let known: number | undefined;
  return {
    pid() {
      // It is written under another name first: a file that is there is whole.
      if (known === undefined && existsSync(pidFile)) known = Number(readFileSync(pidFile, "utf8"));
      return known;
    },
    release,
  };
}

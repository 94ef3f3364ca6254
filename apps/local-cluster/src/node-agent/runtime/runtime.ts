import type { Pod } from "@kelvin/kube";
import type { Mount } from "../mounts.ts";
import type { ContainerSecurity } from "./container-security.ts";

/** The ways to run a container on this node, as Pods name them in the annotation `kelvin.dev/runtime`. */
export const runtimeNames = ["local", "sandbox", "oci"] as const;
export type RuntimeName = (typeof runtimeNames)[number];

/** What one run of a container asks of its runtime. */
export interface RunRequest {
  readonly pod: Pod;
  readonly podIp: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  /** The image's own root file system; undefined when the container is to see the machine's. */
  readonly rootfs: string | undefined;
  readonly security: ContainerSecurity;
  /** What makes names resolve in it. */
  readonly systemMounts: readonly Mount[];
  /** The volumes it wants to see. */
  readonly volumeMounts: readonly Mount[];
  /** What we would like it to see besides; a runtime without mounts does without. */
  readonly agentMounts: readonly Mount[];
  /** Stays writable where the root is not: caches of the node that containers share. */
  readonly sharedCaches: readonly string[];
  /** The Pod's own directory, and one in it for this container. */
  readonly directory: string;
  readonly scratch: string;
  /** Its control group as an OCI configuration names it; undefined where these are not ours to write. */
  readonly cgroupsPath: string | undefined;
}

/** How a container is spawned: words, then a shell that runs `script` and goes to `directory`, then `finish`, then the app. */
export interface LaunchPlan {
  readonly words: readonly string[];
  /** Lines of shell, ended by `&&`, or nothing. */
  readonly script: string;
  readonly directory: string;
  /** Programs that become the app after a last change: of root, user, rights. */
  readonly finish: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /**
   * Where the first process does not become the app, but watches over it: the command and environment, which it knows, are
   * not given to it, and it brings the app into its control group.
   */
  readonly watched?: WatchedApp;
  /** Words that run a further command where the container with this process is, with its directory, user and search path. */
  enter(pid: number, hasTerminal: boolean): readonly string[];
}

/** An app that is another process than the one we started. */
export interface WatchedApp {
  /** undefined as long as it has not begun. */
  pid(): number | undefined;
  /** Puts away what is left of it, once it has ended. Never rejects. */
  release(): Promise<void>;
}

/** What a try has shown. */
export interface RuntimeTrial {
  readonly works: boolean;
  /** How, or why not; an annotation of the Node. */
  readonly fact: string;
}

/** The port between the node agent and a way to run containers. */
export interface Runtime {
  readonly name: RuntimeName;
  /** Finds out whether it works on this machine; once, however often it is asked. Never rejects. Absent: it does. */
  readonly tried?: () => Promise<RuntimeTrial>;
  /** Why it cannot run this; undefined when it can. For the Pod's events. Asked after `tried`. */
  lacks(request: RunRequest): string | undefined;
  /** @throws Error naming what cannot be had. */
  plan(request: RunRequest): LaunchPlan;
}

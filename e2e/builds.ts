import { withImages } from "./cluster.ts";
import { eventually } from "./http.ts";
import type { Kubectl } from "./kubectl.ts";

/** As much of a Build as tests look at. */
export interface BuildObject {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly status?: {
    readonly conditions?: readonly Verdict[];
    readonly image?: string;
    readonly cluster?: { readonly podName?: string };
    readonly results?: readonly { readonly name: string; readonly value: string; readonly step?: string }[];
    readonly sources?: readonly Progress[];
    readonly steps?: readonly Progress[];
    readonly attempts?: readonly { readonly podName: string; readonly reason?: string }[];
    readonly startTime?: string;
    readonly completionTime?: string;
  };
}

/** A source or a step. */
interface Progress {
  readonly name: string;
  readonly phase?: string;
  readonly exitCode?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly commit?: string;
}

/** How a Build stands. */
export interface Verdict {
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** Runs on every cluster that has Kelvin, and needs nothing but sh and node. */
export const nodeImage = "registry.localhost:5000/kelvin/node:24";

/** A Build's manifest. */
export function makeBuild(name: string, spec: object): object {
  return { apiVersion: "build.knative.dev/v1alpha1", kind: "Build", metadata: { name }, spec };
}

/** A step that runs this with `sh -c`. */
export function shellStep(script: string, more: object = {}): object {
  return { image: nodeImage, command: ["sh", "-c", script], ...more };
}

/** The source and the template of a Build that packs a Node application and pushes it to `image`. */
export function nodeApp(image: string, git: { url: string; revision: string }, env: readonly object[] = []): object {
  const values = [{ name: "IMAGE", value: image }];
  return {
    source: { git },
    template: { kind: "ClusterBuildTemplate", name: "node-app", arguments: values, env },
    image,
  };
}

/** Applies objects in one go. */
export async function applyAll(kubectl: Kubectl, ...items: readonly object[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  const result = await kubectl.withInput(withImages(list), "apply", "-f", "-");
  if (result.code !== 0) throw new Error(result.stderr);
}

/** The Build as it is now. */
export async function readBuild(kubectl: Kubectl, name: string): Promise<BuildObject> {
  return JSON.parse(await kubectl("get", "build", name, "-o", "json")) as BuildObject;
}

/** How it stands; undefined before anybody has looked at it. */
export function verdictOf({ status }: BuildObject): Verdict | undefined {
  return status?.conditions?.[0];
}

/** Resolves with the Build once it has come to its end. */
export async function waitForEnd(kubectl: Kubectl, name: string, timeoutMs = 60_000): Promise<BuildObject> {
  let last: BuildObject | undefined;
  const find = async (): Promise<BuildObject | undefined> => {
    last = await readBuild(kubectl, name);
    return ["True", "False"].includes(verdictOf(last)?.status ?? "") ? last : undefined;
  };
  try {
    return await eventually(find, timeoutMs, `the end of build ${name}`);
  } catch (cause) {
    const log = await kubectl.attempt("logs", last?.status?.cluster?.podName ?? "", "--all-containers", "--tail=20");
    const seen = `it stood at ${JSON.stringify(last?.status)}, and wrote ${JSON.stringify(log)}`;
    throw new Error(`the end of build ${name} did not come within ${timeoutMs} ms; ${seen}`, { cause });
  }
}

/** Resolves with the Build once this step of it runs. */
export function waitForStep(kubectl: Kubectl, name: string, step: string): Promise<BuildObject> {
  const find = async (): Promise<BuildObject | undefined> => {
    const build = await readBuild(kubectl, name);
    return build.status?.steps?.some((one) => one.name === step && one.phase === "Running") ? build : undefined;
  };
  return eventually(find, 60_000, `step ${step} of build ${name}`);
}

/** Names of the Pods that there are of a Build. */
export async function podsOf(kubectl: Kubectl, name: string): Promise<string[]> {
  const out = await kubectl("get", "pods", "-l", `build.knative.dev/buildName=${name}`, "-o", "name");
  return out.split("\n").filter((line) => line !== "");
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCondition, type ConditionedStatus, type KubeObject } from "@kelvin/api";
import { createLogger } from "@kelvin/http-service";
import {
  CustomResourceDefinition,
  loadKubeConfig,
  Namespace,
  openKubeClient,
  systemClock,
  type Kind,
  type KubeClient,
} from "@kelvin/kube";
import { openFakeKube } from "@kelvin/testkit";
import { parse } from "yaml";
import { openControl } from "../src/control/app.ts";
import { fakeBuses } from "./fake-buses.ts";

const root = join(import.meta.dirname, "..", "..", "..");
const log = createLogger("test", { level: "silent" });

/** Role `control` as it is deployed, on an API server, with buses that are what the test says. */
export interface ControlOnApi {
  readonly kube: KubeClient;
  readonly buses: ReturnType<typeof fakeBuses>;
  close(): Promise<void>;
}

/** Starts the role on an API server, with these buses or with none yet. */
export async function openControlOn(api: Api, buses = fakeBuses()): Promise<ControlOnApi> {
  const { kube } = api;
  const place = { podName: "ec-1", host: "127.0.0.1", internalPort: 0, admissionPort: 0 };
  const app = await openControl(
    { systemNamespace: "knative-eventing", ...place },
    { kube, clock: systemClock, log, openBusWatch: () => buses.watch },
  );
  return { kube, buses, close: () => app.close() };
}

/** An API server with the namespaces and kinds of Eventing. */
export interface Api {
  readonly kube: KubeClient;
  /** For processes of their own; undefined: there can be none. */
  readonly kubeconfig?: string;
  close(): Promise<void>;
}

/** The one in memory, which knows every kind. */
export function openFakeApi(): Promise<Api> {
  return Promise.resolve({ kube: openFakeKube(), close: () => Promise.resolve() });
}

/** The local cluster's, a process of its own. No controllers and no node: whatever they do the test must do. */
export async function openRealApi(): Promise<Api> {
  const directory = await mkdtemp(join(tmpdir(), "kelvin-control-"));
  const kubeconfig = join(directory, "kubeconfig");
  const program = join(root, "apps/local-cluster/src/api-server/dev.ts");
  const server = spawn(process.execPath, ["--conditions=@kelvin/source", program, kubeconfig], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(server, "exit");
  const isReady = await Promise.race([once(server.stdout, "data").then(() => true), ended.then(() => false)]);
  if (!isReady) throw new Error(`the API server ended with ${String(server.exitCode)}`);
  const kube = openKubeClient(await loadKubeConfig({ path: kubeconfig }));
  for (const definition of await readDefinitions()) await kube.create(CustomResourceDefinition, definition);
  await kube.create(Namespace, { metadata: { name: "knative-eventing" } });
  return {
    kube,
    kubeconfig,
    async close() {
      await kube.close();
      server.kill("SIGTERM");
      await ended;
      await rm(directory, { recursive: true });
    },
  };
}

async function readDefinitions(): Promise<CustomResourceDefinition[]> {
  const directory = join(root, "deploy/base/crds-eventing");
  const files = (await readdir(directory)).filter((file) => file.includes(".knative.dev"));
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), "utf8")));
  return texts.map((text) => parse(text) as CustomResourceDefinition);
}

/** What tests do to objects of the namespace `default`, and wait for. */
export function objectsOf(kube: KubeClient) {
  const namespace = "default";
  const readyOf = async (kind: Kind, name: string): Promise<string> => {
    const object: Conditioned | undefined = await kube.find(kind, { namespace, name });
    const { status = "", reason = "" } = getCondition(object?.status, "Ready") ?? {};
    return `${status}/${reason}`;
  };
  return {
    /** Stores an object as a user does: it gets its uid there. */
    async create<T extends KubeObject>(kind: Kind<T>, object: T): Promise<T> {
      const { uid: _uid, generation: _generation, ...metadata } = object.metadata;
      return kube.create(kind, { ...object, metadata });
    },
    find: <T extends KubeObject>(kind: Kind<T>, name: string): Promise<T | undefined> =>
      kube.find(kind, { namespace, name }),
    /** Status and reason of its Ready. */
    readyOf,
    /** Waits until its Ready is so. */
    become: (kind: Kind, name: string, want: string): Promise<boolean> =>
      until(async () => (await readyOf(kind, name)) === want),
  };
}

type Conditioned = KubeObject & { status?: ConditionedStatus };

/** Waits for a state, not for a time; gives up loudly after ten seconds, or as many as given. */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  secondsMax = 10,
): Promise<T> {
  for (let tries = 0; tries < secondsMax * 50; tries += 1) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await systemClock.sleep(20);
  }
  throw new Error(`never came about: ${look.toString()}`);
}

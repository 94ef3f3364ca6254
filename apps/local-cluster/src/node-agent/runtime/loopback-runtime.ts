import { closeSync, openSync, readSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { addresses } from "../../network/network.ts";
import { ContainerConfigError } from "../container-env.ts";
import type { Mount } from "../mounts.ts";
import type { RunRequest, Runtime } from "./runtime.ts";
import { toolPath } from "./tools.ts";
import { nameVolumes } from "./volume-variables.ts";

const SERVICE_ACCOUNT_TARGET = "/var/run/secrets/kubernetes.io/serviceaccount";
const CLUSTER_DOMAIN = "cluster.local";
const NODE_COMMANDS = ["node", "npm", "npx", "sh"];
const SHEBANG_BYTES = 128;

export interface LoopbackRuntimeOptions {
  /** N of the 127.N addresses; see translation.ts. */
  readonly block: number;
  /** What every process of the cluster has in its environment, so that all are found at the end. */
  readonly mark: Readonly<Record<string, string>>;
  /** Words that bind the life of a command to ours; none where there is no such tool. */
  readonly tether: readonly string[];
}

const preload = join(import.meta.dirname, "..", "..", "network", "loopback", "preload.ts");

/**
 * Containers without any namespace: they see the machine's files. Only programs of node can be made to believe that they
 * have an address of their own, so others are refused: they would take ports of the machine, and open them to all.
 */
export function makeLoopbackRuntime({ block, mark, tether }: LoopbackRuntimeOptions): Runtime {
  return {
    name: "local",
    lacks,
    plan(request) {
      const { pod, podIp, volumeMounts: mounts } = request;
      requireNode(request.command);
      const namespace = pod.metadata.namespace ?? "";
      const serviceAccount = mounts.find(({ target }) => target === SERVICE_ACCOUNT_TARGET);
      const others = mounts.filter((mount) => mount !== serviceAccount);
      const env = nameVolumes(request.env, others);
      const options = [`--require=${JSON.stringify(preload)}`, env["NODE_OPTIONS"] ?? ""].join(" ").trim();
      const own = {
        ...env,
        ...mark,
        ...(serviceAccount !== undefined &&
          env["KUBECONFIG"] === undefined && { KUBECONFIG: writeKubeconfig(request, serviceAccount) }),
        NODE_OPTIONS: options,
        KELVIN_LOOPBACK_BLOCK: String(block),
        KELVIN_LOOPBACK_POD: podIp,
        KELVIN_LOOPBACK_SEARCH: `${namespace}.svc.${CLUSTER_DOMAIN} svc.${CLUSTER_DOMAIN} ${CLUSTER_DOMAIN}`,
      };
      const { workingDir } = request;
      return {
        words: tether,
        script: "",
        directory: workingDir,
        finish: [],
        env: own,
        enter: () => ["/bin/sh", "-c", ENTER_SCRIPT, "kelvin", workingDir, env["PATH"] ?? toolPath],
      };
    },
  };
}

const ENTER_SCRIPT = `cd "$1" || exit
PATH="$2"
export PATH
shift 2
exec "$@"`;

/** Without namespaces there is nothing that could be taken from a process but its user, and root only could give another. */
function lacks({ rootfs, security }: RunRequest): string | undefined {
  if (rootfs !== undefined)
    return "the image has a root file system of its own, and on the loopback network there are no mounts";
  if (security.user !== undefined && security.user.uid !== process.getuid?.())
    return `it cannot run as user ${security.user.uid} on the loopback network`;
  return undefined;
}

/** There is no mount at the usual place: clients find token and authority through a kubeconfig. */
function writeKubeconfig({ pod, directory }: RunRequest, { source }: Mount): string {
  const file = join(directory, "kubeconfig");
  const name = "in-cluster";
  const config = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    contexts: [{ name, context: { cluster: name, user: name, namespace: pod.metadata.namespace } }],
    clusters: [
      {
        name,
        cluster: { server: `https://${addresses.apiServer}`, "certificate-authority": join(source, "ca.crt") },
      },
    ],
    users: [{ name, user: { tokenFile: join(source, "token") } }],
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}

function requireNode([file = ""]: readonly string[]): void {
  if (NODE_COMMANDS.includes(basename(file)) || isScriptOfNode(file)) return;
  throw new ContainerConfigError(
    `"${file}" cannot run on the loopback network: only programs of node can, because this machine refuses namespaces`,
  );
}

/** Whether the first line of a file says that node, or a shell that may call it, runs it. */
function isScriptOfNode(file: string): boolean {
  const head = Buffer.alloc(SHEBANG_BYTES);
  try {
    const descriptor = openSync(file, "r");
    readSync(descriptor, head);
    closeSync(descriptor);
  } catch {
    // Not a file that we can read: a command in the search path, and none of those we know.
    return false;
  }
  return /^#!\S*(?:\/|env )\s*(?:node|sh|bash)\b/.test(head.toString("latin1"));
}

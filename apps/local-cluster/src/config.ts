import { parseArgs } from "node:util";
import { type AuthorizationMode, authorizationModes } from "./api-server/authorization/authorizer.ts";
import { parseEgressPorts, usualPorts } from "./network/egress/egress-ports.ts";

/** What the host side (apps/cli) tells the cluster. */
export interface ClusterConfig {
  readonly dataDir: string;
  /** Nothing is kept: objects live in memory only. */
  readonly isEphemeral: boolean;
  readonly apiPort: number;
  /** Where the host finds the image registry; images may be named after it, as after 5000. */
  readonly registryPort: number;
  /** How Pods are kept apart. */
  readonly network: "namespaces" | "loopback";
  /** N of the 127.N addresses of a cluster on the loopback network. */
  readonly loopbackBlock?: number;
  readonly imagesDir?: string;
  /** Ports of the outside that Pods reach; absent when there is no way out. */
  readonly egressPorts?: readonly number[];
  /** How RBAC is applied. Default `enforce`. */
  readonly authorization?: AuthorizationMode;
}

/** Parses the words after the script. The cli has checked them; anything odd is a fault of ours and throws. */
export function parseConfig(words: readonly string[]): ClusterConfig {
  const { values } = parseArgs({
    args: [...words],
    options: {
      "data-dir": { type: "string" },
      "api-port": { type: "string" },
      "registry-port": { type: "string", default: "5000" },
      "images-dir": { type: "string" },
      network: { type: "string", default: "namespaces" },
      "loopback-block": { type: "string" },
      authorization: { type: "string", default: "enforce" },
      ephemeral: { type: "boolean", default: false },
      egress: { type: "string", default: "on" },
      "egress-ports": { type: "string", default: usualPorts },
    },
  });
  const { "data-dir": dataDir, "api-port": apiPort, "images-dir": imagesDir, ephemeral } = values;
  if (dataDir === undefined || apiPort === undefined) throw new Error("--data-dir and --api-port are needed");
  return {
    dataDir,
    isEphemeral: ephemeral,
    apiPort: Number(apiPort),
    registryPort: Number(values["registry-port"]),
    network: values.network === "loopback" ? "loopback" : "namespaces",
    ...(values["loopback-block"] !== undefined && { loopbackBlock: Number(values["loopback-block"]) }),
    authorization: parseAuthorization(values.authorization),
    ...(values.egress === "on" && { egressPorts: parseEgressPorts(values["egress-ports"]) }),
    ...(imagesDir !== undefined && { imagesDir }),
  };
}

function parseAuthorization(text: string): AuthorizationMode {
  const mode = authorizationModes.find((known) => known === text);
  if (mode === undefined)
    throw new Error(`--authorization must be one of ${authorizationModes.join(", ")}, not "${text}"`);
  return mode;
}

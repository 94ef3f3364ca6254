import { describe, test } from "@jest/globals";
import { openKelvin, removeDataDir, type Kelvin } from "./kelvin.ts";

// Where the tests run: on a Kelvin of their own, started as a user starts it, or on the cluster that the environment names:
//   KELVIN_E2E_KUBECONFIG  its kubeconfig; Kelvin is installed there
//   KELVIN_E2E_GATEWAY     host:port at which its gateway answers
//   KELVIN_E2E_DOMAIN      what follows <service>.<namespace>. in its names (default localhost)
//   KELVIN_E2E_IMAGES      what the images hello and probe-app are named after (default dev.local)
// And for a Kelvin of their own:
//   KELVIN_E2E_NETWORK     its --network

const environment = process.env;

/** A cluster with Kelvin on it. */
export interface Cluster {
  readonly kubeconfig: string;
  /** Where this machine reaches the public gateway. */
  readonly gateway: { readonly host: string; readonly port: number };
  readonly domain: string;
  /** There when we started it: only then its processes are to be found on this machine. */
  readonly own?: Kelvin;
  close(): Promise<void>;
}

const isForeign = environment["KELVIN_E2E_KUBECONFIG"] !== undefined;
const notHere = isForeign ? " [NOT RUN: needs a Kelvin whose processes are on this machine]" : "";

/** For tests that start, look at or kill processes of Kelvin. On another cluster they do not run, and their name says why. */
export function describeHere(name: string, body: () => void): void {
  (isForeign ? describe.skip : describe)(`${name}${notHere}`, body);
}

/** As `describeHere`, for one test in a row of values. */
export function testEachHere<T>(rows: readonly T[], name: string, body: (row: T) => Promise<void>): void {
  (isForeign ? test.skip : test).each(rows.map((row) => [row] as const))(`${name}${notHere}`, body);
}

/** Extra options of every Kelvin that tests start. */
export const networkOptions: readonly string[] =
  environment["KELVIN_E2E_NETWORK"] === undefined ? [] : ["--network", environment["KELVIN_E2E_NETWORK"]];

/** The cluster that the environment names, or a new one, started with more options. */
export async function openCluster(options: readonly string[] = []): Promise<Cluster> {
  if (isForeign) return foreignCluster();
  const own = await openKelvin({ args: [...networkOptions, ...options] });
  return {
    kubeconfig: own.kubeconfig,
    gateway: { host: "127.0.0.1", port: own.httpPort },
    domain: "localhost",
    own,
    async close() {
      await own.stop();
      await removeDataDir(own);
    },
  };
}

function foreignCluster(): Cluster {
  const [, host, port] =
    /^(?:http:\/\/)?(\[[^\]]+\]|[^:/]+):(\d+)\/?$/.exec(environment["KELVIN_E2E_GATEWAY"] ?? "") ?? [];
  if (host === undefined) throw new Error("KELVIN_E2E_KUBECONFIG is set; set KELVIN_E2E_GATEWAY=host:port, too");
  return {
    kubeconfig: environment["KELVIN_E2E_KUBECONFIG"] ?? "",
    gateway: { host, port: Number(port) },
    domain: environment["KELVIN_E2E_DOMAIN"] ?? "localhost",
    close: () => Promise.resolve(),
  };
}

/** A manifest for this cluster: ours names images as the local cluster does. */
export function withImages(manifest: string): string {
  return manifest.replaceAll("dev.local/", `${environment["KELVIN_E2E_IMAGES"] ?? "dev.local"}/`);
}

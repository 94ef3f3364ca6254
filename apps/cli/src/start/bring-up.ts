import { join } from "node:path";
import { loadKubeConfig, openKubeClient } from "@kelvin/kube";
import type { Manifest } from "../kustomize/manifest.ts";
import { applyManifests } from "./apply.ts";
import { awaitServices } from "./await-services.ts";
import type { ClusterProcess } from "./cluster-process.ts";
import type { OpenBuses } from "./buses/buses.ts";
import { setBusSettings } from "./buses/set-bus-settings.ts";
import type { StartOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import { renderOverlays } from "./rendered-overlays.ts";
import { repositoryRoot } from "./repository.ts";
import { removeBusesOfFormerVersion, removeOtherBuses } from "./buses/former-buses.ts";
import { setDirectories } from "./set-directories.ts";
import { type ChosenPorts, setPorts } from "./set-ports.ts";

const READY_DEADLINE_MS = 60_000;
/** More for each bus that is asked for: its broker starts at the same time. */
const BUS_DEADLINE_MS = 15_000;

/**
 * Applies what runs on the cluster, waits until it serves, and prints the ready line.
 * @throws StartError naming the cause when that does not come about in time.
 */
export async function bringUp(
  cluster: ClusterProcess,
  options: StartOptions & ChosenPorts & { openBuses: OpenBuses },
  { progress, signal: stopped }: { progress: Progress; signal: AbortSignal },
): Promise<void> {
  const manifests = await makeManifests(options);
  await cluster.serving;
  progress.say(`The API server answers on port ${options.apiPort}`);
  const kubeconfig = join(options.dataDir, "kubeconfig");
  const gateway = `http://127.0.0.1:${options.httpPort}`;
  const local = `http://127.0.0.1:${options.httpPort + 1}`;
  const api = `https://127.0.0.1:${options.apiPort}`;
  const deadlineMs = READY_DEADLINE_MS + options.openBuses.names.length * BUS_DEADLINE_MS;
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(deadlineMs)]);
  const kube = openKubeClient(await loadKubeConfig({ path: kubeconfig }));
  try {
    await removeBusesOfFormerVersion(kube, signal);
    const { written, kept } = await applyManifests(kube, manifests, signal);
    await removeOtherBuses(kube, options.openBuses.names, signal);
    const applied = overlaysOf(options.openBuses).map((overlay) => `deploy/${overlay}`);
    progress.say(`Applied ${applied.join(", ")}: ${written} written, ${kept} as they were`);
    await Promise.all([
      awaitServices({ kube, gateway, buses: options.openBuses.names, signal, progress }),
      options.openBuses.ready,
    ]);
  } finally {
    await kube.close();
  }
  progress.say("All services are available");
  process.stdout.write(`Kelvin is ready: http=${gateway} local=${local} api=${api} kubeconfig=${kubeconfig}\n`);
  progress.say(`Next: export KUBECONFIG=${kubeconfig}; kubectl apply -f samples/hello/service.yaml. Ctrl-C stops all.`);
}

async function makeManifests(options: StartOptions & ChosenPorts & { openBuses: OpenBuses }): Promise<Manifest[]> {
  const { openBuses: buses, dataDir } = options;
  const rendered = await renderOverlays(
    join(repositoryRoot, "deploy"),
    overlaysOf(buses),
    join(dataDir, "rendered.json"),
  );
  const manifests = setDirectories(setPorts(rendered, options), dataDir);
  return [...buses.settings].reduce((all, [bus, settings]) => setBusSettings(all, bus, settings), manifests);
}

/** The overlay whose default is the first bus, and what brings the others. */
function overlaysOf({ names: [first = "stub", ...others] }: OpenBuses): string[] {
  const overlay = first === "stub" ? "overlays/local" : `overlays/local-${first}`;
  return [overlay, ...others.filter((bus) => bus !== "stub").map((bus) => `base/bus-${bus}`)];
}

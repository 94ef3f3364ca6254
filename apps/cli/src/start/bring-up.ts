import { basename, join } from "node:path";
import { loadKubeConfig, openKubeClient } from "@kelvin/kube";
import type { Manifest } from "../kustomize/manifest.ts";
import { applyManifests } from "./apply.ts";
import { awaitServices } from "./await-services.ts";
import type { ClusterProcess } from "./cluster-process.ts";
import type { EventBus } from "./event-bus.ts";
import type { StartOptions } from "./options.ts";
import type { Progress } from "./progress.ts";
import { renderOverlay } from "./rendered-overlay.ts";
import { repositoryRoot } from "./repository.ts";
import { removeOtherBuses } from "./other-buses.ts";
import { setDirectories } from "./set-directories.ts";
import { setNats } from "./set-nats.ts";
import { type ChosenPorts, setPorts } from "./set-ports.ts";

const READY_DEADLINE_MS = 60_000;

/**
 * Applies what runs on the cluster, waits until it serves, and prints the ready line.
 * @throws StartError naming the cause when that does not come about in time.
 */
export async function bringUp(
  cluster: ClusterProcess,
  options: StartOptions & ChosenPorts & { eventBus: EventBus },
  { progress, signal: stopped }: { progress: Progress; signal: AbortSignal },
): Promise<void> {
  const manifests = await makeManifests(options);
  await cluster.serving;
  progress.say(`The API server answers on port ${options.apiPort}`);
  const kubeconfig = join(options.dataDir, "kubeconfig");
  const gateway = `http://127.0.0.1:${options.httpPort}`;
  const local = `http://127.0.0.1:${options.httpPort + 1}`;
  const api = `https://127.0.0.1:${options.apiPort}`;
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(READY_DEADLINE_MS)]);
  const kube = openKubeClient(await loadKubeConfig({ path: kubeconfig }));
  try {
    const { written, kept } = await applyManifests(kube, manifests, signal);
    await removeOtherBuses(kube, options.bus, signal);
    progress.say(`Applied deploy/${options.eventBus.overlay}: ${written} written, ${kept} as they were`);
    await awaitServices({ kube, gateway, signal, progress });
  } finally {
    await kube.close();
  }
  progress.say("All services are available");
  process.stdout.write(`Kelvin is ready: http=${gateway} local=${local} api=${api} kubeconfig=${kubeconfig}\n`);
  progress.say(`Next: export KUBECONFIG=${kubeconfig}; kubectl apply -f samples/hello/service.yaml. Ctrl-C stops all.`);
}

async function makeManifests(options: StartOptions & ChosenPorts & { eventBus: EventBus }): Promise<Manifest[]> {
  const { overlay, nats } = options.eventBus;
  const rendered = await renderOverlay(
    join(repositoryRoot, "deploy"),
    overlay,
    join(options.dataDir, `${basename(overlay)}.json`),
  );
  const manifests = setDirectories(setPorts(rendered, options), options.dataDir);
  return nats === undefined ? manifests : setNats(manifests, nats);
}

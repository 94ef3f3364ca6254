import { systemClock } from "@kelvin/kube";
import type { Clock, KubeClient } from "@kelvin/kube";
import type { AdmissionWebhook } from "./admission/admission-review.ts";
import { openAdmissionServer } from "./admission/admission-server.ts";
import { openConfigWatcher } from "./config-watcher.ts";
import type { ConfigSource, ConfigValues, ConfigWatcher } from "./config-watcher.ts";
import type { Controller, ControllerCommon } from "./controller.ts";
import type { ControllerMetrics } from "./controller-metrics.ts";
import { openEventRecorder } from "./event-recorder.ts";
import { openLeaderElection } from "./leader-election.ts";
import { silentLog } from "./log.ts";
import type { Log } from "./log.ts";
import { trackSynced, untilAborted } from "./sync-view.ts";
import type { SyncView } from "./sync-view.ts";

/** Where a replica runs. */
export interface ControlPlanePlace {
  readonly systemNamespace: string;
  /** Unique among the replicas. */
  readonly podName: string;
  readonly host: string;
  /** 0 takes any free port. */
  readonly admissionPort: number;
}

/** What is asked of us before anything is stored. */
export interface ControlPlaneAdmission<S> {
  readonly webhooks: (settings: () => ConfigValues<S>) => readonly AdmissionWebhook[];
  /** Names of the configurations whose caBundle is kept right. */
  readonly mutatingConfigurations: readonly string[];
  readonly validatingConfigurations: readonly string[];
}

/** What controllers are made of that is not the same in every service. */
export interface ControlPlaneKit<S> {
  readonly common: ControllerCommon;
  /** The settings now; ask anew for each reconcile. */
  readonly settings: () => ConfigValues<S>;
}

/** What the control plane needs of a controller, so that other things may be closed with them. */
export type ControlPlanePart = Pick<Controller, "resync" | "close">;

/** A service of controllers and webhooks. */
export interface ControlPlaneOptions<S> {
  /** Names its Events, its Lease, its Service and, with `-certs` after it, the Secret of its certificate. */
  readonly name: string;
  readonly kube: KubeClient;
  readonly clock?: Clock;
  readonly log?: Log;
  readonly metrics?: ControllerMetrics;
  /** Keys that each controller reconciles at once. */
  readonly concurrency: number;
  readonly place: ControlPlanePlace;
  /** The ConfigMaps it follows, in the system namespace. */
  readonly sources: S;
  /** What the controllers read. They are closed with the control plane. */
  readonly informers: readonly { readonly synced: Promise<void>; close(): Promise<void> }[];
  readonly admission: ControlPlaneAdmission<S>;
  /**
   * Opens the controllers, each time this replica begins to lead and never before everything is read. They are closed when it
   * ends; when the settings change, all objects are reconciled anew. Import them here: a start then need not wait for them.
   */
  readonly openControllers: (kit: ControlPlaneKit<S>) => Promise<readonly ControlPlanePart[]>;
  /** Loads, soon after the start, what the first question to the webhooks would have to wait for. */
  readonly warm?: () => Promise<unknown>;
}

/** A running control plane. */
export interface ControlPlane {
  /** Whether everything has been read and the webhooks can be asked. */
  readonly isReady: boolean;
  /** Closes the controllers, gives the Lease up, and closes all the rest. */
  close(): Promise<void>;
}

/** What a start need not wait for is loaded this long after it, so that whoever waits for readiness is told first. */
const PROBE_MS_MAX = 50;

/**
 * Starts what every service of controllers has: settings from ConfigMaps, Events, a Lease, an admission server. Admission is answered
 * always, controllers run while this replica holds the Lease.
 * @throws Error when the admission port cannot be bound, or a ConfigMap's parser refuses the empty one.
 */
export async function openControlPlane<S extends Readonly<Record<string, ConfigSource<unknown>>>>(
  options: ControlPlaneOptions<S>,
): Promise<ControlPlane> {
  const { name, kube, clock = systemClock, log = silentLog, place, informers, metrics, concurrency } = options;
  const { systemNamespace: namespace } = place;
  const recorder = openEventRecorder({ kube, component: name, clock, log });
  const common = { kube, clock, recorder, log, concurrency, ...(metrics === undefined ? {} : { metrics }) };
  const settings = openConfigWatcher({ kube, namespace, sources: options.sources, clock, log, recorder });
  const view = trackSynced([settings, ...informers], log);
  const ending = new AbortController();
  const quiet = view.synced.then(() => clock.sleep(PROBE_MS_MAX, ending.signal));
  const admission = await openAdmissionServer({
    kube,
    host: place.host,
    port: place.admissionPort,
    service: { namespace, name },
    secretName: `${name}-certs`,
    webhooks: options.admission.webhooks(() => settings.current),
    mutatingConfigurations: options.admission.mutatingConfigurations,
    validatingConfigurations: options.admission.validatingConfigurations,
    clock,
    log,
  });
  const election = openLeaderElection({
    kube,
    lease: { namespace, name },
    identity: place.podName,
    clock,
    log,
    onLead: (signal) => lead({ options, common, settings, quiet, signal }),
  });
  const warming = quiet.then(() => (ending.signal.aborted ? undefined : options.warm?.()));
  return {
    get isReady() {
      return view.isSynced() && admission.isReady;
    },
    async close() {
      ending.abort();
      await election.close();
      await closeRest({ view, warming, closers: [admission, ...informers, settings, recorder] });
    },
  };
}

interface Rest {
  readonly view: SyncView;
  readonly warming: Promise<unknown>;
  readonly closers: readonly { close(): Promise<void> }[];
}

async function closeRest({ view, warming, closers }: Rest): Promise<void> {
  // What was never synced never is, once it is closed.
  await Promise.all([view.isSynced() ? warming : undefined, ...closers.map((closer) => closer.close())]);
}

interface Term<S> {
  readonly options: ControlPlaneOptions<S>;
  readonly common: ControllerCommon;
  readonly settings: ConfigWatcher<S>;
  readonly quiet: Promise<void>;
  readonly signal: AbortSignal;
}

/** Runs the controllers until `signal` aborts. */
async function lead<S>({ options, common, settings, quiet, signal }: Term<S>): Promise<void> {
  // Without the settings, objects would first be made by the defaults and then be made over.
  await Promise.race([quiet, untilAborted(signal)]);
  if (signal.aborted) return;
  const controllers = await options.openControllers({ common, settings: () => settings.current });
  const unsubscribe = settings.onChange(() => {
    for (const controller of controllers) controller.resync();
  });
  await untilAborted(signal);
  unsubscribe();
  await Promise.all(controllers.map((controller) => controller.close()));
}

import { type Log, openEventRecorder, type OpenEventRecorder } from "@kelvin/controller";
import { AlreadyExistsError, type Clock, type KubeClient, Namespace } from "@kelvin/kube";
import { builtInResources } from "../api-server/kinds.ts";
import { openClusterInformers } from "./cluster-informers.ts";
import type { ControllerBase } from "./controller-base.ts";
import { openDeploymentController } from "./deployment/controller.ts";
import { openEndpointSliceController } from "./endpoint-slice/controller.ts";
import { openEndpointSliceMirroringController } from "./endpoint-slice-mirroring/controller.ts";
import { openEndpointsController } from "./endpoints/controller.ts";
import { openObjectGraph } from "./garbage-collector/object-graph.ts";
import { openGarbageCollector } from "./garbage-collector/open-garbage-collector.ts";
import { openJobController } from "./job/controller.ts";
import { openJobOrphanPodsController } from "./job/orphan-pods.ts";
import { openKindDirectory } from "./kind-directory.ts";
import { openNamespaceController } from "./namespace/controller.ts";
import { initialNamespaces } from "./namespace/reconcile.ts";
import { openNodeLeaseController } from "./node-lease/controller.ts";
import { openPodGcController } from "./pod-gc/controller.ts";
import { openReplicaSetController } from "./replica-set/controller.ts";
import { openScheduler } from "./scheduler/controller.ts";
import { openServiceAccountController } from "./service-account/controller.ts";

export interface BuiltInControllersOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** PEM of the API server's certificate authority, for the ConfigMap kube-root-ca.crt. Absent: none is made. */
  readonly rootCaCert?: string;
}

/**
 * Starts the controllers that a Kubernetes brings along: Deployments, ReplicaSets, Jobs, EndpointSlices and Endpoints, namespaces, default
 * ServiceAccounts, garbage collection, scheduling, node leases and the end of pods that nobody else ends.
 *
 * All state is in the API server: they may be stopped at any moment and started anew.
 */
export async function openBuiltInControllers(options: BuiltInControllersOptions): Promise<{ close(): Promise<void> }> {
  const { kube, clock, log } = options;
  await Promise.all(initialNamespaces.map((name) => ensureNamespace(kube, name)));
  const informers = openClusterInformers(kube);
  const directory = openKindDirectory(builtInResources, informers.definitions);
  const graph = openObjectGraph(kube, directory);
  const recorders: OpenEventRecorder[] = [];
  const recorderOf = (component: string): OpenEventRecorder => {
    const recorder = openEventRecorder({ kube, clock, log, component });
    recorders.push(recorder);
    return recorder;
  };
  const base: ControllerBase = { kube, clock, log, informers, recorderOf };
  const controllers = [
    openServiceAccountController(base, options.rootCaCert),
    openScheduler(base),
    openReplicaSetController(base),
    openDeploymentController(base),
    openJobController(base),
    openJobOrphanPodsController(base),
    openEndpointSliceController(base),
    openEndpointsController(base),
    openEndpointSliceMirroringController(base),
    openNamespaceController(base, { directory, graph }),
    openNodeLeaseController(base),
    openPodGcController(base),
    openGarbageCollector({ kube, clock, log, directory, graph, recorder: recorderOf("garbage-collector-controller") }),
  ];
  return {
    async close() {
      await Promise.all(controllers.map((controller) => controller.close()));
      await Promise.all([graph.close(), informers.close(), ...recorders.map((recorder) => recorder.close())]);
    },
  };
}

async function ensureNamespace(kube: KubeClient, name: string): Promise<void> {
  try {
    await kube.create(Namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  } catch (error) {
    if (!(error instanceof AlreadyExistsError)) throw error;
  }
}

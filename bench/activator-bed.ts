// The activator as it runs in a cluster, all features on: a host that is matched in an Ingress, a split over two
// Revisions with a concurrency limit and timeouts, statistics, metrics, and the request log to a file.
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { Ingress } from "@kelvin/api/networking/v1alpha1";
import { Revision } from "@kelvin/api/serving/v1";
import { Pod, type KubeClient } from "@kelvin/kube";
import type { BareCluster } from "./bare-cluster.ts";
import { askOnce } from "./first-byte.ts";
import { startSubject, until, type Subject } from "./subject.ts";

/** The host that requests are for. */
export const activatorHost = "hello.default.example";
const revisions = [
  { name: "hello-00001", percent: 90 },
  { name: "hello-00002", percent: 10 },
];
/** Room for all connections of the load, so that the limit is checked but nobody waits. */
const concurrencyMax = 200;

export interface ActivatorBed {
  readonly activator: Subject;
  stop(): Promise<void>;
}

/** Starts the activator in front of `upstreamPort` and resolves once a request comes through. */
export async function openActivatorBed(
  cluster: BareCluster,
  { port, upstreamPort }: { port: number; upstreamPort: number },
): Promise<ActivatorBed> {
  for (const { name } of revisions) {
    // oxlint-disable-next-line no-await-in-loop -- two of them, once
    await writeRevision(cluster.kube, name, upstreamPort);
  }
  await cluster.kube.create(Ingress, ingress());
  const log = openSync(join(cluster.kubeconfig, "..", "activator.log"), "w");
  const activator = startSubject("apps/activator/src/main.ts", [], {
    out: log,
    env: {
      KUBECONFIG: cluster.kubeconfig,
      HTTP_PORT: String(port),
      LOCAL_PORT: "0",
      ROUTED_PORT: "0",
      INTERNAL_PORT: "0",
      REQUEST_LOG: "true",
      DRAIN_LINGER_SECONDS: "0",
      DRAIN_SECONDS: "1",
    },
  });
  closeSync(log);
  const answers = async (): Promise<boolean> =>
    (await askOnce({ port, host: activatorHost }))?.includes(" 200 ") === true;
  await until(answers, { subject: activator, what: "the activator to answer" });
  return { activator, stop: () => activator.stop() };
}

async function writeRevision(kube: KubeClient, name: string, upstreamPort: number): Promise<void> {
  const metadata = { name, namespace: "default" };
  const containers = [
    { name: "user-container", image: "dev.local/hello", ports: [{ name: "user-port", containerPort: upstreamPort }] },
  ];
  await kube.create(Revision, {
    apiVersion: "serving.knative.dev/v1",
    kind: "Revision",
    metadata,
    spec: {
      containerConcurrency: concurrencyMax,
      timeoutSeconds: 300,
      responseStartTimeoutSeconds: 60,
      idleTimeoutSeconds: 60,
      containers,
    },
  } as Revision);
  const labels = { "serving.knative.dev/revision": name };
  const pod = await kube.create(Pod, { metadata: { ...metadata, labels }, spec: { containers } } as Pod);
  const startedAt = new Date().toISOString();
  const running = { running: { startedAt } };
  const status = { name: "user-container", image: "", imageID: "", ready: true, restartCount: 0 };
  await kube.update(
    Pod,
    {
      ...pod,
      status: {
        phase: "Running",
        podIP: "127.0.0.1",
        conditions: [{ type: "Ready", status: "True" }],
        containerStatuses: [{ ...status, containerID: `bench://${name}`, state: running }],
      },
    },
    { subresource: "status" },
  );
}

function ingress(): Ingress {
  const splits = revisions.map(({ name, percent }) => ({
    serviceName: name,
    serviceNamespace: "default",
    servicePort: 80,
    percent,
    appendHeaders: { "Knative-Serving-Revision": name, "Knative-Serving-Namespace": "default" },
  }));
  return {
    apiVersion: "networking.internal.knative.dev/v1alpha1",
    kind: "Ingress",
    metadata: { name: "hello", namespace: "default" },
    spec: { rules: [{ hosts: [activatorHost], visibility: "ExternalIP", http: { paths: [{ splits }] } }] },
  } as Ingress;
}

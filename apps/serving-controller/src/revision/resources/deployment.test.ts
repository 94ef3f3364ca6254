import { describe, expect, test } from "@jest/globals";
import type { Revision } from "@kelvin/api/serving/v1";
import { withAnnotations, withLabels, withSpec } from "@kelvin/testkit";
import { revision } from "../../../test/builders.ts";
import { hashOf, makeDeployment, type DeploymentSettings } from "./deployment.ts";

const settings: DeploymentSettings = { initialScale: 1, progressDeadlineSeconds: 600, isSpreadOverNodes: false };

function withContainers(containers: NonNullable<Revision["spec"]["containers"]>, more: Partial<Revision["spec"]> = {}) {
  return revision("hello-00001", withSpec({ containers, ...more }));
}

const podOf = (subject: Revision) => makeDeployment(subject, settings).spec?.template.spec;
const containerOf = (subject: Revision) => podOf(subject)?.containers[0];

describe("the Deployment of a Revision", () => {
  test("keeps its old pods until new ones are ready, and is found by the Revision's uid", () => {
    const { metadata, spec } = makeDeployment(revision("hello-00001"), settings);
    expect(metadata).toMatchObject({ name: "hello-00001-deployment", namespace: "default" });
    expect(spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 0,
      progressDeadlineSeconds: 600,
      strategy: { rollingUpdate: { maxUnavailable: 0 } },
      selector: { matchLabels: { "serving.knative.dev/revisionUID": "uid-revision-hello-00001" } },
    });
  });

  test("inherits labels and annotations, but none that are about routing or scaling", () => {
    const subject = revision(
      "hello-00001",
      withLabels({ team: "a" }),
      withAnnotations({ note: "b", "serving.knative.dev/no-gc": "true", "autoscaling.knative.dev/min-scale": "1" }),
    );
    const { metadata, spec } = makeDeployment(subject, settings);
    const labels = { app: "hello-00001", team: "a", "serving.knative.dev/revision": "hello-00001" };
    expect(metadata.labels).toMatchObject(labels);
    expect(spec?.template.metadata?.labels).toMatchObject(labels);
    expect(metadata.labels).not.toHaveProperty(["serving.knative.dev/routingState"]);
    expect(metadata.annotations).toEqual({ note: "b" });
    expect(spec?.template.metadata?.annotations).toEqual({
      note: "b",
      "kubectl.kubernetes.io/default-container": "user-container",
    });
  });

  test("leaves the user's own app label", () => {
    const { spec } = makeDeployment(revision("hello-00001", withLabels({ app: "mine" })), settings);
    expect(spec?.template.metadata?.labels?.["app"]).toBe("mine");
  });

  test("changes its hash with the pod, and not with the routing state", () => {
    const hash = (subject: Revision) =>
      makeDeployment(subject, settings).metadata.labels?.["serving.knative.dev/deployment-hash"];
    const reserve = revision("hello-00001", withLabels({ "serving.knative.dev/routingState": "reserve" }));
    expect(hash(reserve)).toBe(hash(revision("hello-00001")));
    expect(hash(withContainers([{ name: "user-container", image: "dev.local/other" }]))).not.toBe(hash(reserve));
  });

  test("hashes by content, whatever the order of keys", () => {
    expect(hashOf({ a: 1, b: [{ c: 2, d: 3 }] })).toBe(hashOf({ b: [{ d: 3, c: 2 }], a: 1 }));
    expect(hashOf({ a: 1 })).toMatch(/^[0-9a-z]+$/);
  });
});

describe("the pods of a Revision", () => {
  test("get the environment, port and drain that Knative promises", () => {
    const subject = withContainers([
      { name: "user-container", image: "dev.local/hello", env: [{ name: "TARGET", value: "World" }] },
    ]);
    expect(podOf(subject)).toMatchObject({ enableServiceLinks: false, terminationGracePeriodSeconds: 310 });
    expect(containerOf(subject)).toMatchObject({
      name: "user-container",
      image: "dev.local/hello",
      env: [
        { name: "TARGET", value: "World" },
        { name: "PORT", value: "8080" },
        { name: "K_REVISION", value: "hello-00001" },
        { name: "K_CONFIGURATION", value: "hello" },
        { name: "K_SERVICE", value: "hello" },
      ],
      ports: [{ name: "user-port", containerPort: 8080 }],
      lifecycle: { preStop: { sleep: { seconds: 5 } } },
      terminationMessagePolicy: "FallbackToLogsOnError",
    });
  });

  test("are probed every second on the user's port where the user said nothing", () => {
    const container = { name: "user-container", ports: [{ containerPort: 9000, name: "h2c" }] };
    const implied = withContainers([{ ...container, readinessProbe: { tcpSocket: { port: 0 }, successThreshold: 1 } }]);
    expect(containerOf(implied)).toMatchObject({
      readinessProbe: { tcpSocket: { port: 9000 }, periodSeconds: 1 },
      ports: [{ name: "user-port", containerPort: 9000 }],
    });
    const given = withContainers([
      {
        ...container,
        readinessProbe: { httpGet: { path: "/up" }, periodSeconds: 7 },
        livenessProbe: { httpGet: { path: "/live" } },
      },
    ]);
    expect(containerOf(given)).toMatchObject({
      readinessProbe: { httpGet: { path: "/up", port: 9000 }, periodSeconds: 7 },
      livenessProbe: { httpGet: { path: "/live", port: 9000 } },
    });
    expect(containerOf(given)?.livenessProbe).not.toHaveProperty("periodSeconds");
  });

  test("run the image that the digest names, init containers too", () => {
    const subject: Revision = {
      ...withContainers([{ name: "user-container", image: "ghcr.io/a/b" }], {
        initContainers: [{ name: "init", image: "c" }],
      }),
      status: {
        containerStatuses: [{ name: "user-container", imageDigest: "ghcr.io/a/b@sha256:1" }],
        initContainerStatuses: [{ name: "init", imageDigest: "c@sha256:2" }],
      },
    };
    expect(podOf(subject)).toMatchObject({
      containers: [{ image: "ghcr.io/a/b@sha256:1" }],
      initContainers: [{ image: "c@sha256:2" }],
    });
    expect(podOf(subject)?.initContainers?.[0]).not.toHaveProperty("lifecycle");
  });

  test("have sidecars that drain too, but have neither PORT nor a port of ours", () => {
    const subject = withContainers([{ name: "app", ports: [{ containerPort: 80 }] }, { name: "side" }]);
    const side = podOf(subject)?.containers[1];
    expect(side).toMatchObject({ name: "side", lifecycle: { preStop: { sleep: { seconds: 5 } } } });
    expect(side?.env?.map(({ name }) => name)).toEqual(["K_REVISION", "K_CONFIGURATION", "K_SERVICE"]);
    expect(side).not.toHaveProperty("ports");
  });

  test("prefer different nodes unless the user or the cluster says otherwise", () => {
    const spread = makeDeployment(revision("hello-00001"), { ...settings, isSpreadOverNodes: true });
    expect(spread.spec?.template.spec?.affinity?.podAntiAffinity).toBeDefined();
    const own = withContainers([{ name: "user-container" }], { affinity: { nodeAffinity: {} } });
    const kept = makeDeployment(own, { ...settings, isSpreadOverNodes: true });
    expect(kept.spec?.template.spec?.affinity).toEqual({ nodeAffinity: {} });
    expect(podOf(revision("hello-00001"))).not.toHaveProperty("affinity");
  });

  test("keep what is the Revision's own business out of the pod", () => {
    expect(podOf(revision("hello-00001"))).not.toHaveProperty("timeoutSeconds");
    expect(podOf(revision("hello-00001"))).not.toHaveProperty("containerConcurrency");
  });
});

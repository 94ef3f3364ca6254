import { describe, expect, test } from "@jest/globals";
import { withAnnotations, withSpec } from "@kelvin/testkit";
import { bus, clusterBus } from "../../../test/channels-builders.ts";
import type { AnyBus } from "./bus-place.ts";
import { planBus, type BusPlan } from "./plan.ts";

const own = { systemNamespace: "knative-eventing", image: "ghcr.io/kelvin/eventing-bus:1" };

function planned(object: AnyBus, image: string | undefined = own.image): BusPlan {
  const plan = planBus(object, { ...own, image });
  if (plan.kind === "refused") throw new Error(plan.problem);
  return plan;
}

const containerOf = ({ dispatcher }: BusPlan) => dispatcher.spec?.template.spec?.containers[0];
const envOf = (plan: BusPlan): Record<string, string> =>
  Object.fromEntries(
    (containerOf(plan)?.env ?? []).map(({ name, value, valueFrom }) => [
      name,
      value ?? valueFrom?.fieldRef?.fieldPath ?? "",
    ]),
  );

describe("§1.7 what is made for a ClusterBus", () => {
  test("v0.1's names, in the system namespace, with the identity that buses have there", () => {
    const { service, dispatcher, identity, provisioner } = planned(clusterBus("stub"));
    expect([service, dispatcher].map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual([
      "knative-eventing/stub-clusterbus",
      "knative-eventing/stub-clusterbus-dispatcher",
    ]);
    expect(service.spec).toEqual({
      selector: { app: "stub-clusterbus-dispatcher" },
      ports: [
        { name: "http", protocol: "TCP", port: 80, targetPort: 8080 },
        { name: "internal", protocol: "TCP", port: 8090, targetPort: 8090 },
      ],
    });
    expect(dispatcher.metadata.ownerReferences).toMatchObject([{ kind: "ClusterBus", name: "stub", controller: true }]);
    expect(dispatcher.spec?.template.spec?.serviceAccountName).toBe("eventing-bus");
    expect([identity, provisioner]).toEqual([undefined, undefined]);
  });

  test("of a third party, one Deployment for each container, as they are written", () => {
    const image = "example.com/bus:1";
    const volumes = [{ name: "v", emptyDir: {} }];
    const spec = { dispatcher: { image, args: ["-v"] }, provisioner: { name: "p", image, command: ["go"] }, volumes };
    const object = clusterBus("rabbit", withSpec(spec));
    delete object.metadata.annotations;
    const { service, dispatcher, provisioner, isScaleFixed } = planned(object);
    const env = [
      { name: "PORT", value: "8080" },
      { name: "BUS_NAMESPACE", value: "" },
      { name: "BUS_NAME", value: "rabbit" },
    ];
    expect(dispatcher.spec?.template).toEqual({
      metadata: { labels: { app: "rabbit-clusterbus-dispatcher", bus: "rabbit", role: "dispatcher" } },
      spec: {
        serviceAccountName: "bus-operator",
        containers: [{ name: "dispatcher", image, args: ["-v"], env }],
        volumes,
      },
    });
    expect(provisioner?.metadata.name).toBe("rabbit-clusterbus-provisioner");
    expect(provisioner?.spec?.template.spec).toEqual({
      serviceAccountName: "bus-operator",
      containers: [{ name: "p", image, command: ["go"], env }],
      volumes,
    });
    expect(provisioner?.spec?.template.metadata?.labels).toMatchObject({ role: "provisioner", bus: "rabbit" });
    expect([service.spec?.ports?.length, isScaleFixed]).toEqual([1, false]);
  });
});

describe("§1.7 what is made for a Bus", () => {
  test("is beside it, with a ServiceAccount of its own", () => {
    const { service, dispatcher, identity } = planned(bus("rabbit"));
    expect([service, dispatcher].map(({ metadata }) => `${metadata.namespace}/${metadata.name}`)).toEqual([
      "default/rabbit-bus",
      "default/rabbit-bus-dispatcher",
    ]);
    expect(dispatcher.metadata.labels).toMatchObject({ bus: "rabbit", busNamespace: "default", role: "dispatcher" });
    expect(dispatcher.spec?.template.spec?.serviceAccountName).toBe("rabbit-bus");
    expect(identity?.account.metadata).toMatchObject({ name: "rabbit-bus", namespace: "default" });
    expect(identity?.binding).toMatchObject({
      metadata: { name: "rabbit-bus", namespace: "default" },
      roleRef: { kind: "ClusterRole", name: "kelvin-bus-operator" },
      subjects: [{ kind: "ServiceAccount", name: "rabbit-bus", namespace: "default" }],
    });
  });

  test("of Kelvin's own may only read", () => {
    const object = bus("memory", withAnnotations({ "kelvin.dev/bus": "stub" }));
    const plan = planned(object);
    expect(plan.identity?.binding.roleRef.name).toBe("kelvin-namespaced-bus");
    expect(envOf(plan)).toMatchObject({ BUS_NAME: "memory", BUS_NAMESPACE: "default", BUS_KIND: "stub" });
    expect(plan.dispatcher.spec?.template.metadata?.labels).toMatchObject({ "kelvin.dev/bus": "stub" });
  });

  test("with a long name has parts of names that fit", () => {
    const { service, dispatcher } = planned(bus("x".repeat(63)));
    for (const { metadata } of [service, dispatcher]) expect(metadata.name?.length).toBeLessThanOrEqual(63);
    expect(service.metadata.name).toMatch(/-bus$/);
  });
});

describe("a bus of Kelvin's own", () => {
  test("runs this image, told who it is, and keeps what its YAML says beside", () => {
    const dispatcher = {
      image: "whatever",
      args: ["-logtostderr"],
      command: ["/ko-app/dispatcher"],
      env: [
        { name: "KAFKA_BOOTSTRAP_SERVERS", value: "kafka:9092" },
        { name: "BUS_KIND", value: "kafka" },
      ],
      resources: { limits: { memory: "1Gi" } },
      volumeMounts: [{ name: "v", mountPath: "/v" }],
    };
    const volumes = [{ name: "v", emptyDir: {} }];
    const annotations = { "kelvin.dev/bus": "kafka", "kelvin.dev/bus-settings": "{}" };
    const plan = planned(clusterBus("k", withAnnotations(annotations), withSpec({ dispatcher, volumes })));
    const { name, image, args, command, resources, volumeMounts, ports } = containerOf(plan) ?? {};
    expect({ name, image, args, command, resources, volumeMounts }).toEqual({
      name: "dispatcher",
      image: own.image,
      args: undefined,
      command: undefined,
      resources: { limits: { memory: "1Gi" } },
      volumeMounts: [{ name: "v", mountPath: "/v" }],
    });
    expect(ports?.map(({ name: port, containerPort }) => `${port} ${containerPort}`)).toEqual([
      "http 8080",
      "internal 8090",
    ]);
    expect(envOf(plan)).toEqual({
      KAFKA_BOOTSTRAP_SERVERS: "kafka:9092",
      ROLE: "bus",
      BUS_NAME: "k",
      BUS_NAMESPACE: "",
      BUS_KIND: "kafka",
      PORT: "8080",
      SYSTEM_NAMESPACE: "knative-eventing",
      POD_NAME: "metadata.name",
      POD_IP: "status.podIP",
    });
    const { template } = plan.dispatcher.spec ?? {};
    expect(template?.metadata?.annotations).toEqual({ "kelvin.dev/bus-settings": "{}" });
    expect(template?.spec).toMatchObject({ terminationGracePeriodSeconds: 60, volumes });
    expect(containerOf(plan)?.securityContext).toMatchObject({ allowPrivilegeEscalation: false });
    expect(plan.isScaleFixed).toBe(false);
  });

  test("in memory has one replica, and never two at a time", () => {
    const plan = planned(clusterBus("stub"));
    expect([plan.dispatcher.spec?.strategy?.type, plan.isScaleFixed]).toEqual(["Recreate", true]);
  });

  const digest = `sha256:${"a".repeat(64)}`;
  test.each([
    ["github.com/knative/eventing/pkg/buses/stub/dispatcher", "stub"],
    ["gcr.io/knative-releases/github.com/knative/eventing/cmd/buses/kafka/dispatcher:v0.1.0", "kafka"],
    [`gcr.io/x/knative/eventing/pkg/buses/gcppubsub/dispatcher@${digest}`, "gcppubsub"],
    [`localhost:5000/knative/eventing/pkg/buses/kafka/dispatcher:1@${digest}`, "kafka"],
    ["knative/eventing/pkg/buses/stub/dispatcher", "stub"],
    [own.image, "nats"],
    ["gcr.io/xknative/eventing/pkg/buses/stub/dispatcher", undefined],
    ["example.com/knative/eventing/pkg/buses/stub/dispatcher-of-mine", undefined],
    ["knative/eventing/pkg/buses/rabbit/dispatcher", undefined],
  ])("is told by the image %s: %s", (image, kind) => {
    const object = bus("nats", withSpec({ dispatcher: { image } }));
    expect(planned(object).dispatcher.spec?.template.metadata?.labels?.["kelvin.dev/bus"]).toBe(kind);
  });

  test.each([
    ["annotation", withAnnotations({ "kelvin.dev/bus": "rabbit" }), "must be one of stub, nats, kafka, gcppubsub"],
    ["parameter", withSpec({ parameters: { channel: [{ name: "a b" }] } }), 'invalid key name "a b"'],
    ["dispatcher", withSpec({ dispatcher: undefined }), "missing field(s): spec.dispatcher"],
    ["env", withSpec({ dispatcher: { env: "x" } }), "spec.dispatcher.env"],
  ])("whose %s is wrong says so though admission did not", (_what, change, words) => {
    const plan = planBus(clusterBus("stub", change), own);
    expect(plan.kind === "refused" ? plan.problem : "").toContain(words);
  });

  test("without a known image, or of a kind that cannot be told, says so", () => {
    expect(planBus(clusterBus("stub"), { ...own, image: undefined })).toMatchObject({
      problem: expect.stringContaining("runs in no Pod"),
    });
    const unknown = bus("mine", withSpec({ dispatcher: { image: own.image } }));
    expect(planBus(unknown, own)).toMatchObject({ problem: expect.stringContaining("set the annotation") });
  });
});

import { describe, expect, test } from "@jest/globals";
import { fieldErrorText, fieldWarningTexts, type FieldError } from "../../meta/field-error.ts";
import { parseServingConfig, type ServingConfigMap } from "../config/serving-config.ts";
import { defaultConfiguration } from "./configuration.defaults.ts";
import type { Configuration } from "./configuration.types.ts";
import { validateConfiguration } from "./configuration.validation.ts";
import type { Container } from "./container.types.ts";
import { defaultRevision } from "./revision.defaults.ts";
import type { Revision, RevisionSpec } from "./revision.types.ts";
import { validateRevision } from "./revision.validation.ts";
import { defaultRoute } from "./route.defaults.ts";
import type { Route, TrafficTarget } from "./route.types.ts";
import { validateRoute } from "./route.validation.ts";
import { defaultService } from "./service.defaults.ts";
import type { Service } from "./service.types.ts";
import { validateService } from "./service.validation.ts";

type Settings = Partial<Record<ServingConfigMap, Record<string, string>>>;

const metadata = { name: "hello", namespace: "default" };
const userInfo = { username: "ada" };
const enable = (...features: string[]): Settings => ({
  "config-features": Object.fromEntries(features.map((feature) => [feature, "Enabled"])),
});

// What the webhook answers: defaults first, then validation.
function admit(service: Service, settings: Settings = {}, old?: Service): string {
  const context = { config: parseServingConfig(settings), userInfo, ...(old === undefined ? {} : { old }) };
  const copy = structuredClone(service);
  defaultService(copy, context);
  return fieldErrorText(validateService(copy, context));
}

function serviceWith(spec: RevisionSpec): Service {
  return { metadata: { ...metadata }, spec: { template: { spec: { containers: [{ image: "hello" }], ...spec } } } };
}

const template = "spec.template.spec";
const first = `${template}.containers[0]`;

test("the least Service is fine", () => {
  expect(admit(serviceWith({}))).toBe("");
});

describe("the Build to run", () => {
  const refer = (annotations: Record<string, string>, template: Service["spec"]["template"] = {}): string =>
    admit({
      metadata: { ...metadata, annotations },
      spec: { template: { spec: { containers: [{ name: "app", image: "hello" }] }, ...template } },
    });
  const buildRef = "build.knative.dev/buildRef";
  const buildContainer = "build.knative.dev/buildContainer";

  test.each<[string, Record<string, string>, string]>([
    ["a Build", { [buildRef]: "hello-1" }, ""],
    ["a Build and a container", { [buildRef]: "hello-1", [buildContainer]: "app" }, ""],
    ["no name of a Build", { [buildRef]: "Hello" }, `invalid value: Hello: metadata.annotations.${buildRef}`],
    [
      "an unknown container",
      { [buildRef]: "hello-1", [buildContainer]: "web" },
      `no container "web" in the template (it has: app): metadata.annotations.${buildContainer}`,
    ],
    [
      "a container alone",
      { [buildContainer]: "app" },
      `has no meaning without ${buildRef}: metadata.annotations.${buildContainer}`,
    ],
  ])("%s", (_, annotations, message) => {
    expect(refer(annotations)).toBe(message);
  });

  test("cannot be together with a Revision's name", () => {
    expect(refer({ [buildRef]: "hello-1" }, { metadata: { name: "hello-v1" } })).toBe(
      `must not be set together with the annotation ${buildRef}: each built image makes a Revision of its own: ` +
        "spec.template.metadata.name",
    );
  });

  test("of the time before 0.7 is refused with an explanation", () => {
    const configuration: Configuration = { metadata: { ...metadata }, spec: { build: { steps: [] } } };
    const context = { config: parseServingConfig({}), userInfo };
    expect(fieldErrorText(validateConfiguration(configuration, context))).toContain(
      "must not set the field(s): spec.build\n" +
        'create a Build (build.knative.dev/v1alpha1) and name it in the annotation "build.knative.dev/buildRef"',
    );
  });
});

describe("metadata", () => {
  const label1035 =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and " +
    "end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
  const rows: [Service["metadata"], string][] = [
    [{}, "name or generateName is required: metadata.name"],
    [{ name: "1hello" }, `not a DNS 1035 label: [${label1035}]: metadata.name`],
    [{ name: "a".repeat(64) }, "not a DNS 1035 label: [must be no more than 63 characters]: metadata.name"],
    [{ generateName: "Hello-" }, `not a DNS 1035 label prefix: [${label1035}]: metadata.generateName`],
    [{ generateName: "hello-" }, ""],
    [
      { name: "hello", annotations: { "autoscaling.knative.dev/min-scale": "1" } },
      'invalid key name "autoscaling.knative.dev/min-scale": metadata.annotations\n' +
        'autoscaling annotations must be put under "spec.template.metadata.annotations" to work',
    ],
    [
      { name: "hello", annotations: { "serving.knative.dev/rollout-duration": "later" } },
      "invalid value: later: metadata.annotations.serving.knative.dev/rollout-duration",
    ],
    [
      { name: "hello", annotations: { "serving.knative.dev/rolloutDuration": "1.5s" } },
      "rollout-duration=1.5s is not at second precision: metadata.annotations.serving.knative.dev/rolloutDuration",
    ],
    [
      { name: "hello", annotations: { "serving.knative.dev/rollout-duration": "-1s" } },
      "rollout-duration=-1s must be positive: metadata.annotations.serving.knative.dev/rollout-duration",
    ],
    [{ name: "hello", annotations: { "serving.knative.dev/rollout-duration": "0s" } }, ""],
  ];
  test.each(rows)("%j", (given, want) => {
    expect(admit({ ...serviceWith({}), metadata: given })).toBe(want);
  });
});

describe("template name and annotations", () => {
  const rows: [NonNullable<NonNullable<Service["spec"]["template"]>["metadata"]>, string][] = [
    [{ name: "hello-v1" }, ""],
    [{ name: "v1" }, 'invalid value: "v1" must have prefix "hello-": spec.template.metadata.name'],
    [
      { annotations: { "serving.knative.dev/progress-deadline": "1.5s" } },
      "progress-deadline=1.5s is not at second precision: spec.template.metadata.annotations.serving.knative.dev/progress-deadline",
    ],
    [
      { annotations: { "networking.knative.dev/ingress-clas": "x" } },
      'invalid key name "networking.knative.dev/ingress-clas": spec.template.metadata.annotations',
    ],
    [
      { annotations: { "queue.sidecar.serving.knative.dev/cpu-resource-request": "lots" } },
      "invalid value: lots: spec.template.metadata.annotations.queue.sidecar.serving.knative.dev/cpu-resource-request",
    ],
    [
      { annotations: { "queue.sidecar.serving.knative.dev/resource-percentage": "0.01" } },
      "expected 0.1 <= 0.01 <= 100: spec.template.metadata.annotations.queue.sidecar.serving.knative.dev/resource-percentage",
    ],
    [
      { annotations: { "autoscaling.knative.dev/window": "5s" } },
      "expected 6s <= 5s <= 1h0m0s: spec.template.metadata.annotations.autoscaling.knative.dev/window",
    ],
  ];
  test.each(rows)("%j", (given, want) => {
    const service = serviceWith({});
    service.spec.template = { ...service.spec.template, metadata: given };
    expect(admit(service)).toBe(want);
  });

  test("nobody can choose a name that begins with one which is yet to be generated", () => {
    const service = serviceWith({});
    service.metadata = { generateName: "hello-" };
    service.spec.template = { ...service.spec.template, metadata: { name: "hello-v1" } };
    expect(admit(service)).toBe("must not set the field(s): spec.template.metadata.name");
  });
});

describe("limits of a Revision", () => {
  const rows: [RevisionSpec, Settings, string][] = [
    [{ containerConcurrency: 1001 }, {}, `expected 0 <= 1001 <= 1000: ${template}.containerConcurrency`],
    [{ containerConcurrency: -1 }, {}, `expected 0 <= -1 <= 1000: ${template}.containerConcurrency`],
    [
      { containerConcurrency: 0 },
      { "config-defaults": { "allow-container-concurrency-zero": "false", "container-concurrency": "1" } },
      `expected 1 <= 0 <= 1000: ${template}.containerConcurrency`,
    ],
    [{ timeoutSeconds: 601 }, {}, `expected 0 <= 601 <= 600: ${template}.timeoutSeconds`],
    [{ timeoutSeconds: -1 }, {}, `expected 0 <= -1 <= 600: ${template}.timeoutSeconds`],
    [{ timeoutSeconds: 600 }, {}, ""],
  ];
  test.each(rows)("%j %j", (spec, settings, want) => {
    expect(admit(serviceWith(spec), settings)).toBe(want);
  });
});

describe("pod", () => {
  const emptyDir = { name: "v", emptyDir: {} };
  const mounting: Container = { image: "a", volumeMounts: [{ name: "v", mountPath: "/v" }] };
  const rows: [RevisionSpec, Settings, string][] = [
    [{ containers: [] }, {}, `missing field(s): ${template}.containers`],
    [
      { restartPolicy: "Never", nodeName: "n", hostNetwork: true, tolerations: [{}] },
      {},
      `must not set the field(s): ${template}.hostNetwork, ${template}.nodeName, ${template}.restartPolicy, ${template}.tolerations`,
    ],
    [{ hostNetwork: false }, {}, ""],
    [{ hostNetwork: true }, enable("kubernetes.podspec-hostnetwork"), ""],
    [{ nodeSelector: { a: "b" } }, { "config-features": { "kubernetes.podspec-nodeselector": "Allowed" } }, ""],
    [{ automountServiceAccountToken: false }, {}, ""],
    [{ automountServiceAccountToken: true }, {}, `must not set the field(s): ${template}.automountServiceAccountToken`],
    [{ securityContext: { runAsUser: 1 } }, {}, `must not set the field(s): ${template}.securityContext`],
    [
      { securityContext: { runAsUser: -1 } },
      enable("kubernetes.podspec-securitycontext"),
      `expected 0 <= -1 <= 2147483647: ${template}.securityContext.runAsUser`,
    ],
    [
      { serviceAccountName: "foo@bar.baz" },
      {},
      `invalid value: foo@bar.baz: ${template}.serviceAccountName\n` +
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end " +
        "with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
    [
      { initContainers: [{ image: "a" }] },
      {},
      `pod spec support for init-containers is off, but found 1 init containers: ${template}.initContainers`,
    ],
    [
      { initContainers: [{ image: "a", livenessProbe: { exec: {} }, env: [{ name: "PORT", value: "1" }] }] },
      enable("kubernetes.podspec-init-containers"),
      `field not allowed in an init container: ${template}.initContainers[0].livenessProbe`,
    ],
    [{ containers: [{ image: "a" }, { image: "b" }] }, {}, `missing field(s): ${template}.containers[*].ports`],
    [
      {
        containers: [
          { image: "a", ports: [{ containerPort: 1 }] },
          { image: "b", ports: [{ containerPort: 2 }] },
        ],
      },
      {},
      `more than one container port is set: ${template}.containers[*].ports\nOnly a single port is allowed across all containers`,
    ],
    [
      { containers: [{ image: "a", ports: [{ containerPort: 1 }, { containerPort: 2 }] }] },
      {},
      `more than one container port is set: ${template}.containers[*].ports\nOnly a single port is allowed across all containers`,
    ],
    [
      { containers: [{ image: "a" }, { image: "b" }] },
      { "config-features": { "multi-container": "Disabled" } },
      `multi-container is off, but found 2 containers: ${template}.containers`,
    ],
    [
      {
        containers: [
          { image: "a", name: "x", ports: [{ containerPort: 1 }] },
          { image: "b", name: "x" },
        ],
      },
      {},
      `duplicate container name "x": ${template}.containers[1].name`,
    ],
    [
      {
        containers: [
          { image: "a", ports: [{ containerPort: 1 }] },
          { image: "b", env: [{ name: "PORT", value: "1" }], readinessProbe: { timeoutSeconds: 1 } },
        ],
      },
      {},
      `must not set the field(s): ${template}.containers[1].readinessProbe.timeoutSeconds`,
    ],
    [
      {
        containers: [
          { image: "a", ports: [{ containerPort: 1 }] },
          { image: "b", readinessProbe: { tcpSocket: {} } },
        ],
      },
      enable("multi-container-probing"),
      `invalid value: 0: ${template}.containers[1].readinessProbe.tcpSocket.port\nProbe port must be specified`,
    ],
    [{ containers: [mounting], volumes: [emptyDir] }, {}, ""],
    [
      { containers: [mounting], volumes: [emptyDir] },
      { "config-features": { "kubernetes.podspec-volumes-emptydir": "Disabled" } },
      `EmptyDir volume support is disabled, but found EmptyDir volume v: ${template}.volumes[0]`,
    ],
    [
      { containers: [mounting], volumes: [{ name: "v", persistentVolumeClaim: { claimName: "c" } }] },
      {},
      `Persistent volume claim support is disabled, but found persistent volume claim c: ${template}.volumes[0]\n` +
        `Persistent volume write support is disabled, but found persistent volume claim c that is not read-only: ${template}.volumes[0]`,
    ],
    [
      { containers: [mounting], volumes: [{ name: "v" }] },
      {},
      `expected exactly one, got neither: ${template}.volumes[0].configMap, ${template}.volumes[0].emptyDir, ` +
        `${template}.volumes[0].projected, ${template}.volumes[0].secret`,
    ],
    [
      { containers: [mounting], volumes: [{ name: "v", secret: {}, configMap: {} }] },
      {},
      `expected exactly one, got both: ${template}.volumes[0].configMap, ${template}.volumes[0].secret`,
    ],
    [
      { containers: [mounting], volumes: [emptyDir, emptyDir] },
      {},
      `duplicate volume name "v": ${template}.volumes[1].name`,
    ],
    [{ volumes: [emptyDir] }, {}, `volume with name "v" not mounted: ${template}.volumes[0].name`],
    [
      { containers: [mounting], volumes: [{ name: "v", projected: { sources: [{ secret: {} }, {}] } }] },
      {},
      `expected exactly one, got neither: ${["configMap", "downwardAPI", "secret", "serviceAccountToken"]
        .map((source) => `${template}.volumes[0].projected.sources[1].${source}`)
        .join(", ")}\nmissing field(s): ${template}.volumes[0].projected.sources[0].secret.name`,
    ],
  ];
  test.each(rows)("%j %j", (spec, settings, want) => {
    expect(admit(serviceWith(spec), settings)).toBe(want);
  });
});

describe("container", () => {
  const rows: [Container, string][] = [
    [{}, `missing field(s): ${first}.image`],
    [
      { image: "a b" },
      `Failed to parse image reference: ${first}.image\nimage: "a b", error: could not parse reference: a b`,
    ],
    [{ image: "a", name: "queue-proxy" }, `"queue-proxy" is a reserved container name: ${first}.name`],
    [
      { image: "a", lifecycle: {}, tty: true, stdin: false },
      `must not set the field(s): ${first}.lifecycle, ${first}.tty`,
    ],
    [{ image: "a", terminationMessagePolicy: "Never" }, `invalid value: Never: ${first}.terminationMessagePolicy`],
    [
      { image: "a", ports: [{ containerPort: 8012 }] },
      `invalid value: 8012 is a reserved port: ${first}.ports.containerPort`,
    ],
    [{ image: "a", ports: [{ containerPort: 65_536 }] }, `expected 0 <= 65536 <= 65535: ${first}.ports.containerPort`],
    [{ image: "a", ports: [{ containerPort: 80, protocol: "UDP" }] }, `invalid value: UDP: ${first}.ports.protocol`],
    [{ image: "a", ports: [{ containerPort: 80, hostPort: 1 }] }, `must not set the field(s): ${first}.ports.hostPort`],
    [
      { image: "a", ports: [{ containerPort: 80, name: "grpc" }] },
      `Port name grpc is not allowed: ${first}.ports\nName must be empty, or one of: 'h2c', 'http1'`,
    ],
    [{ image: "a", ports: [{ containerPort: 80, name: "h2c", protocol: "TCP" }] }, ""],
    [
      { image: "a", env: [{ name: "OK" }, { name: "PORT" }, { name: "K_SERVICE" }, {}] },
      `"K_SERVICE" is a reserved environment variable: ${first}.env[2].name\n` +
        `"PORT" is a reserved environment variable: ${first}.env[1].name\n` +
        `missing field(s): ${first}.env[3].name`,
    ],
    [
      { image: "a", env: [{ name: "X", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } }] },
      `must not set the field(s): ${first}.env[0].valueFrom.fieldRef`,
    ],
    [
      { image: "a", envFrom: [{}] },
      `expected exactly one, got neither: ${first}.envFrom[0].configMapRef, ${first}.envFrom[0].secretRef`,
    ],
    [
      { image: "a", resources: { requests: { cpu: "lots" } } },
      `invalid value: lots: ${first}.resources.requests[cpu]\n` +
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      { image: "a", volumeMounts: [{ name: "v", mountPath: "/dev/" }] },
      `mountPath "/dev" is a reserved path: ${first}.volumeMounts[0].mountPath\n` +
        `volumeMount has no matching volume: ${first}.volumeMounts[0].name`,
    ],
    [
      { image: "a", securityContext: { runAsUser: -10 } },
      `expected 0 <= -10 <= 2147483647: ${first}.securityContext.runAsUser`,
    ],
    [
      { image: "a", securityContext: { privileged: true } },
      `must not set the field(s): ${first}.securityContext.privileged`,
    ],
    [{ image: "a", securityContext: { privileged: false, capabilities: { drop: ["ALL"] } } }, ""],
    [
      { image: "a", securityContext: { capabilities: { add: ["SYS_ADMIN"] } } },
      `must not set the field(s): ${first}.securityContext.capabilities.add`,
    ],
  ];
  test.each(rows)("%j", (container, want) => {
    expect(admit(serviceWith({ containers: [container] }))).toBe(want);
  });

  test("mount paths are absolute and each is used once", () => {
    const paths = ["relative", "/a", "/a/"];
    const spec: RevisionSpec = {
      volumes: [{ name: "v", emptyDir: {} }],
      containers: [{ image: "a", volumeMounts: paths.map((mountPath) => ({ name: "v", mountPath })) }],
    };
    expect(admit(serviceWith(spec))).toBe(
      `invalid value: "/a/" must be unique: ${first}.volumeMounts[2].mountPath\n` +
        `invalid value: relative: ${first}.volumeMounts[0].mountPath`,
    );
  });
});

describe("probes", () => {
  const readiness = `${first}.readinessProbe`;
  const port = { containerPort: 5000, name: "http1" };
  const rows: [Container, string][] = [
    [{ readinessProbe: { httpGet: { port: 5000 } }, ports: [port] }, ""],
    [{ readinessProbe: { httpGet: { port: "http1" } }, ports: [port] }, ""],
    [{ readinessProbe: { httpGet: { port: 8080 } } }, ""],
    [
      { readinessProbe: { httpGet: { port: 5001 } }, ports: [port] },
      `invalid value: 5001: ${readiness}.httpGet.port\nProbe port must match container port`,
    ],
    [
      { readinessProbe: { tcpSocket: { port: "grpc" } }, ports: [port] },
      `invalid value: grpc: ${readiness}.tcpSocket.port\nProbe port must match container port`,
    ],
    [
      { livenessProbe: {} },
      `expected exactly one, got neither: ${["exec", "grpc", "httpGet", "tcpSocket"].map((name) => `${first}.livenessProbe.${name}`).join(", ")}`,
    ],
    [
      { readinessProbe: { exec: { command: ["x"] }, httpGet: {} } },
      `expected exactly one, got both: ${readiness}.exec, ${readiness}.httpGet`,
    ],
    [
      { readinessProbe: { failureThreshold: 3, timeoutSeconds: 2 } },
      `failureThreshold is disallowed when periodSeconds is zero: ${readiness}.failureThreshold\n` +
        `timeoutSeconds is disallowed when periodSeconds is zero: ${readiness}.timeoutSeconds`,
    ],
    [
      { readinessProbe: { periodSeconds: -1, initialDelaySeconds: -2, failureThreshold: -1 } },
      `expected 0 <= -1 <= 2147483647: ${readiness}.periodSeconds\n` +
        `expected 0 <= -2 <= 2147483647: ${readiness}.initialDelaySeconds\n` +
        `expected 1 <= -1 <= 2147483647: ${readiness}.failureThreshold`,
    ],
  ];
  test.each(rows)("%j", (container, want) => {
    expect(admit(serviceWith({ containers: [{ image: "a", ...container }] }))).toBe(want);
  });
});

describe("traffic of a Service", () => {
  const rows: [TrafficTarget[], string][] = [
    [[{ percent: 100 }], ""],
    [[{ percent: 100 }, { tag: "old", revisionName: "hello-00001" }], ""],
    [[{ percent: 90 }], "Traffic targets sum to 90, want 100: spec.traffic"],
    [[{ tag: "a" }], "Traffic targets sum to 0, want 100: spec.traffic"],
    [
      [{ percent: -10 }, { percent: 110 }],
      "expected 0 <= -10 <= 100: spec.traffic[0].percent\nexpected 0 <= 110 <= 100: spec.traffic[1].percent",
    ],
    [
      [
        { percent: 50, tag: "a" },
        { percent: 50, tag: "a", revisionName: "x" },
      ],
      'Multiple definitions for "a": spec.traffic[0].tag, spec.traffic[1].tag',
    ],
    [[{ percent: 100, url: "http://x" }], "must not set the field(s): spec.traffic[0].url"],
    [[{ percent: 100, configurationName: "x" }], "must not set the field(s): spec.traffic[0].configurationName"],
    [
      [{ percent: 100, revisionName: "x", latestRevision: true }],
      'may not set revisionName "x" when latestRevision is true: spec.traffic[0].latestRevision',
    ],
    [
      [{ percent: 100, latestRevision: false }],
      'may not set revisionName "" when latestRevision is false: spec.traffic[0].latestRevision',
    ],
  ];
  test.each(rows)("%j", (traffic, want) => {
    const service = serviceWith({});
    service.spec.traffic = traffic;
    expect(admit(service)).toBe(want);
  });

  test("tags are host names", () => {
    const service = serviceWith({});
    service.spec.traffic = [{ percent: 100, tag: "v1.2" }];
    expect(admit(service)).toMatch(/^not a DNS 1035 label: \[.*\]: spec.traffic\[0\].tag$/);
  });
});

describe("an update of a Service", () => {
  const stored = (image = "a"): Service => {
    const service = serviceWith({ containers: [{ image }] });
    service.spec.template = { ...service.spec.template, metadata: { name: "hello-v1" } };
    defaultService(service, { config: parseServingConfig(), userInfo });
    return service;
  };

  test("with the same content is fine", () => {
    expect(admit(stored(), {}, stored())).toBe("");
  });

  test("a template that keeps its name keeps its content", () => {
    expect(admit(stored("b"), {}, stored("a"))).toBe(
      "Saw the following changes without a name change (-old +new): spec.template.metadata.name\n" +
        'spec.containers[0].image:\n\t-: "a"\n\t+: "b"\n',
    );
    const renamed = stored("b");
    renamed.spec.template = { ...renamed.spec.template, metadata: { name: "hello-v2" } };
    expect(admit(renamed, {}, stored("a"))).toBe("");
  });

  test("a new default of the cluster is no change of a template that keeps its name", () => {
    const settings: Settings = { "config-defaults": { "revision-cpu-request": "100m" } };
    const reapplied = serviceWith({ containers: [{ image: "a" }] });
    reapplied.spec.template = structuredClone(stored().spec.template ?? {});
    reapplied.metadata = stored().metadata;
    expect(admit(reapplied, settings, stored())).toBe("");
  });

  test("the creator stays, and the last modifier without a change", () => {
    const service = stored();
    service.metadata.annotations = {
      "serving.knative.dev/creator": "eve",
      "serving.knative.dev/lastModifier": "eve",
    };
    expect(admit(service, {}, stored())).toBe(
      "annotation value is immutable: metadata.annotations.serving.knative.dev/creator\n" +
        "invalid value: eve: metadata.annotations.serving.knative.dev/lastModifier",
    );
  });
});

describe("Configuration, Route and Revision", () => {
  const config = parseServingConfig();
  const context = { config, userInfo };
  const textOf = (errors: FieldError[]) => fieldErrorText(errors);
  const owner = { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "hello", uid: "1" };

  test("labels that name an owner must be true", () => {
    const labels = { "serving.knative.dev/service": "hello" };
    const spec = serviceWith({}).spec;
    const configuration: Configuration = { metadata: { ...metadata, labels }, spec: { template: spec.template ?? {} } };
    defaultConfiguration(configuration, context);
    const want = "missing field(s): metadata.labels.serving.knative.dev/service";
    expect(textOf(validateConfiguration(configuration, context))).toBe(want);
    configuration.metadata.ownerReferences = [owner];
    expect(textOf(validateConfiguration(configuration, context))).toBe("");

    const route: Route = {
      metadata: { ...metadata, labels },
      spec: { traffic: [{ configurationName: "c", percent: 100 }] },
    };
    defaultRoute(route, context);
    expect(textOf(validateRoute(route, context))).toBe(want);

    const revision: Revision = {
      metadata: { ...metadata, labels: { "serving.knative.dev/configuration": "hello" } },
      spec: { containers: [{ image: "a" }] },
    };
    defaultRevision(revision, context);
    expect(textOf(validateRevision(revision, context))).toBe(
      "missing field(s): metadata.labels.serving.knative.dev/configuration",
    );
  });

  test.each([
    [
      [{ percent: 100 }],
      "expected exactly one, got neither: spec.traffic[0].configurationName, spec.traffic[0].revisionName",
    ],
    [
      [{ percent: 100, configurationName: "c", revisionName: "r" }],
      "expected exactly one, got both: spec.traffic[0].configurationName, spec.traffic[0].revisionName",
    ],
    [
      [{ percent: 100, configurationName: "c", latestRevision: false }],
      'may not set revisionName "" when latestRevision is false: spec.traffic[0].latestRevision',
    ],
    [[{ percent: 100, configurationName: "c" }], ""],
    [undefined, "Traffic targets sum to 0, want 100: spec.traffic"],
  ] as [TrafficTarget[] | undefined, string][])("a Route's traffic %j", (traffic, want) => {
    const route: Route = { metadata, spec: traffic === undefined ? {} : { traffic: structuredClone(traffic) } };
    defaultRoute(route, { config });
    expect(textOf(validateRoute(route, { config }))).toBe(want);
  });

  test("a Revision's spec never changes, its scaling may", () => {
    const old: Revision = { metadata, spec: { containers: [{ image: "a" }] } };
    const scaled: Revision = {
      ...old,
      metadata: { ...metadata, annotations: { "autoscaling.knative.dev/min-scale": "2" } },
    };
    expect(textOf(validateRevision(scaled, { config, old }))).toBe("");
    const changed: Revision = { ...old, spec: { containers: [{ image: "b" }] } };
    expect(textOf(validateRevision(changed, { config, old }))).toBe(
      'Immutable fields changed (-old +new): spec\ncontainers[0].image:\n\t-: "a"\n\t+: "b"\n',
    );
  });
});

describe("warnings", () => {
  const warningsOf = (container: Container) =>
    fieldWarningTexts(validateService(serviceWith({ containers: [container] }), { config: parseServingConfig() }));

  test("what Kubernetes leaves open is mentioned, in one line", () => {
    expect(warningsOf({ image: "a" })).toEqual([
      "Kubernetes default value is insecure, Knative may default this to secure in a future release: " +
        ["allowPrivilegeEscalation", "capabilities", "runAsNonRoot", "seccompProfile"]
          .map((field) => `${first}.securityContext.${field}`)
          .join(", "),
    ]);
  });

  test("nothing is said when all is closed", () => {
    const securityContext = {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      runAsNonRoot: true,
      seccompProfile: { type: "RuntimeDefault" },
    };
    expect(warningsOf({ image: "a", securityContext })).toEqual([]);
  });
});

test("an object of the wrong shape is described, not dereferenced", () => {
  const service = { metadata, spec: { template: { spec: { containers: [{ image: 1, env: {} }] } }, traffic: null } };
  const errors = validateService(service as unknown as Service, { config: parseServingConfig() });
  expect(fieldErrorText(errors)).toBe(
    `must be of type array, was null: spec.traffic\n` +
      `must be of type array, was object: ${first}.env\n` +
      `must be of type string, was integer: ${first}.image`,
  );
});

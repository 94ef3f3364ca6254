import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { defaultPodAutoscaler } from "../../autoscaling/v1alpha1/pod-autoscaler.defaults.ts";
import type { PodAutoscaler } from "../../autoscaling/v1alpha1/pod-autoscaler.types.ts";
import { defaultIngress } from "../../networking/v1alpha1/ingress.defaults.ts";
import type { Ingress } from "../../networking/v1alpha1/ingress.types.ts";
import { parseServingConfig, type ServingConfigMap } from "../config/serving-config.ts";
import { defaultConfiguration } from "./configuration.defaults.ts";
import type { Configuration } from "./configuration.types.ts";
import type { Container } from "./container.types.ts";
import { defaultRevision } from "./revision.defaults.ts";
import type { Revision, RevisionSpec } from "./revision.types.ts";
import { defaultRoute } from "./route.defaults.ts";
import type { Route } from "./route.types.ts";
import { defaultService } from "./service.defaults.ts";
import type { Service } from "./service.types.ts";

const userInfo = { username: "ada" };
const metadata = { name: "hello", namespace: "default" };

type Settings = Partial<Record<ServingConfigMap, Record<string, string>>>;

// A created Revision's spec after defaulting.
function defaulted(spec: RevisionSpec, settings: Settings = {}): RevisionSpec {
  const revision: Revision = { metadata: { ...metadata }, spec: structuredClone(spec) };
  defaultRevision(revision, { config: parseServingConfig(settings), userInfo });
  return revision.spec;
}

function defaultedContainer(container: Container, settings: Settings = {}): Container {
  return defaulted({ containers: [container] }, settings).containers?.[0] ?? {};
}

const features = (...keys: string[]): Settings => ({
  "config-features": Object.fromEntries(keys.map((key) => [key, "Enabled"])),
});

describe("RevisionSpec", () => {
  test("the least there is becomes whole", () => {
    expect(defaulted({ containers: [{ image: "hello" }] })).toEqual({
      containerConcurrency: 0,
      timeoutSeconds: 300,
      enableServiceLinks: false,
      containers: [
        {
          image: "hello",
          name: "user-container",
          resources: {},
          readinessProbe: { tcpSocket: { port: 0 }, successThreshold: 1 },
        },
      ],
    });
  });

  test("doing it twice is the same as once", () => {
    const probe = fc.constantFrom<Container["readinessProbe"]>(undefined, {}, { periodSeconds: 3 }, { grpc: {} });
    const container = fc
      .record({
        name: fc.constantFrom(undefined, "", "user-container", "user-container-1"),
        ports: fc.constantFrom(undefined, [], [{ containerPort: 80 }]),
        readinessProbe: probe,
        livenessProbe: probe,
        volumeMounts: fc.constantFrom(undefined, [{ name: "v" }], [{ name: "scratch" }]),
      })
      .map((fields) => JSON.parse(JSON.stringify(fields)) as Container);
    const settings = fc.constantFrom<Settings>({}, features("secure-pod-defaults", "multi-container-probing"), {
      "config-defaults": { "revision-idle-timeout-seconds": "10", "revision-cpu-limit": "1" },
    });
    fc.assert(
      fc.property(
        fc.array(container, { maxLength: 3 }),
        settings,
        fc.integer({ min: 0, max: 600 }),
        (list, set, timeout) => {
          const spec: RevisionSpec = {
            containers: list,
            initContainers: list.slice(0, 1),
            volumes: [{ name: "scratch", emptyDir: {} }],
            timeoutSeconds: timeout,
          };
          const once = defaulted(spec, set);
          expect(defaulted(once, set)).toEqual(once);
        },
      ),
    );
  });

  test("what is given stays", () => {
    const spec: RevisionSpec = {
      containerConcurrency: 5,
      timeoutSeconds: 10,
      responseStartTimeoutSeconds: 7,
      idleTimeoutSeconds: 3,
      enableServiceLinks: true,
      containers: [
        {
          name: "mine",
          resources: { limits: { cpu: 1 } },
          readinessProbe: { exec: { command: ["x"] }, successThreshold: 2 },
        },
      ],
    };
    expect(defaulted(spec)).toEqual(spec);
  });

  test("the two other timeouts default only below the whole one", () => {
    const settings: Settings = {
      "config-defaults": { "revision-response-start-timeout-seconds": "100", "revision-idle-timeout-seconds": "50" },
    };
    expect(defaulted({ timeoutSeconds: 60 }, settings)).toMatchObject({ timeoutSeconds: 60, idleTimeoutSeconds: 50 });
    expect(defaulted({ timeoutSeconds: 60 }, settings)).not.toHaveProperty("responseStartTimeoutSeconds");
    expect(defaulted({ timeoutSeconds: 0 }, settings)).toMatchObject({
      timeoutSeconds: 300,
      responseStartTimeoutSeconds: 100,
      idleTimeoutSeconds: 50,
    });
  });

  test("several containers are numbered around the names that are taken", () => {
    const names = defaulted({
      containers: [{}, { name: "user-container-1" }, {}, {}],
      initContainers: [{}],
    });
    expect(names.containers?.map(({ name }) => name)).toEqual([
      "user-container-0",
      "user-container-1",
      "user-container-2",
      "user-container-3",
    ]);
    expect(names.initContainers?.map(({ name }) => name)).toEqual(["init-container"]);
  });

  test("names may come from a template over the metadata", () => {
    const settings: Settings = { "config-defaults": { "container-name-template": "{{.Name}}-{{.Namespace}}" } };
    expect(defaultedContainer({}, settings).name).toBe("hello-default");
  });

  test("enableServiceLinks: false unless the cluster says otherwise, and only on create", () => {
    expect(defaulted({}, { "config-defaults": { "enable-service-links": "default" } })).not.toHaveProperty(
      "enableServiceLinks",
    );
    expect(defaulted({}, { "config-defaults": { "enable-service-links": "true" } }).enableServiceLinks).toBe(true);
    const revision: Revision = { metadata, spec: {} };
    defaultRevision(revision, { config: parseServingConfig() });
    expect(revision.spec).not.toHaveProperty("enableServiceLinks");
  });
});

describe("containers", () => {
  test("resources are filled in one by one", () => {
    const settings: Settings = {
      "config-defaults": { "revision-cpu-request": "100m", "revision-memory-limit": "1Gi" },
    };
    expect(defaultedContainer({ resources: { requests: { cpu: "1" } } }, settings).resources).toEqual({
      requests: { cpu: "1" },
      limits: { memory: "1Gi" },
    });
    expect(defaultedContainer({}, settings).resources).toEqual({
      requests: { cpu: "100m" },
      limits: { memory: "1Gi" },
    });
  });

  test("a probe with a period has Kubernetes' timing, one without has ours", () => {
    expect(defaultedContainer({ readinessProbe: { httpGet: { path: "/" }, periodSeconds: 5 } }).readinessProbe).toEqual(
      {
        httpGet: { path: "/" },
        periodSeconds: 5,
        successThreshold: 1,
        failureThreshold: 3,
        timeoutSeconds: 1,
      },
    );
    expect(defaultedContainer({ readinessProbe: { grpc: {} } }).readinessProbe).toEqual({
      grpc: { service: "" },
      successThreshold: 1,
    });
    expect(defaultedContainer({ livenessProbe: { tcpSocket: {} } }).livenessProbe).toEqual({
      tcpSocket: {},
      successThreshold: 1,
      failureThreshold: 3,
      timeoutSeconds: 1,
      periodSeconds: 10,
    });
  });

  test("a sidecar gets no probe", () => {
    const spec = defaulted({ containers: [{ ports: [{ containerPort: 80 }] }, {}] });
    expect(spec.containers?.[0]).toHaveProperty("readinessProbe");
    expect(spec.containers?.[1]).not.toHaveProperty("readinessProbe");
  });

  test("mounts are read-only unless the volume is for writing", () => {
    const spec = defaulted({
      containers: [{ volumeMounts: [{ name: "scratch" }, { name: "secret", readOnly: false }] }],
      volumes: [
        { name: "scratch", emptyDir: {} },
        { name: "secret", secret: {} },
      ],
    });
    expect(spec.containers?.[0]?.volumeMounts).toEqual([{ name: "scratch" }, { name: "secret", readOnly: true }]);
  });

  test("secure-pod-defaults closes what is open and respects what is said", () => {
    expect(defaultedContainer({}, features("secure-pod-defaults")).securityContext).toEqual({
      allowPrivilegeEscalation: false,
      seccompProfile: { type: "RuntimeDefault" },
      capabilities: { drop: ["ALL"] },
      runAsNonRoot: true,
    });
    const said = { allowPrivilegeEscalation: true, capabilities: { drop: [] }, runAsNonRoot: false };
    expect(
      defaultedContainer({ securityContext: said }, features("secure-pod-defaults")).securityContext,
    ).toMatchObject(said);
    const rootBounded: Settings = { "config-features": { "secure-pod-defaults": "AllowRootBounded" } };
    const low = defaultedContainer({ ports: [{ containerPort: 80 }] }, rootBounded).securityContext;
    expect(low).toEqual({
      allowPrivilegeEscalation: false,
      seccompProfile: { type: "RuntimeDefault" },
      capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
    });
  });
});

describe("Service", () => {
  const create = (service: Service): Service => {
    defaultService(service, { config: parseServingConfig(), userInfo });
    return service;
  };

  test("sends everything to the latest revision, and knows who made it", () => {
    const service = create({
      metadata: { ...metadata },
      spec: { template: { spec: { containers: [{ image: "a" }] } } },
    });
    expect(service.spec.traffic).toEqual([{ latestRevision: true, percent: 100 }]);
    expect(service.metadata.annotations).toEqual({
      "serving.knative.dev/creator": "ada",
      "serving.knative.dev/lastModifier": "ada",
    });
  });

  test("a named revision is not the latest one", () => {
    const service = create({ metadata: { ...metadata }, spec: { traffic: [{ revisionName: "x" }, { tag: "t" }] } });
    expect(service.spec.traffic).toEqual([
      { revisionName: "x", latestRevision: false },
      { tag: "t", latestRevision: true },
    ]);
  });

  test("the last modifier changes with the spec only", () => {
    const old = create({ metadata: { ...metadata }, spec: { template: { spec: { containers: [{ image: "a" }] } } } });
    const context = { config: parseServingConfig(), old, userInfo: { username: "bob" } };
    const relabelled = structuredClone(old);
    relabelled.metadata.labels = { a: "b" };
    defaultService(relabelled, context);
    expect(relabelled.metadata.annotations?.["serving.knative.dev/lastModifier"]).toBe("ada");
    const changed = structuredClone(old);
    changed.spec.traffic = [{ tag: "x", percent: 100 }];
    defaultService(changed, context);
    expect(changed.metadata.annotations).toEqual({
      "serving.knative.dev/creator": "ada",
      "serving.knative.dev/lastModifier": "bob",
    });
  });

  test("a manifest without the notes of who made it does not take them away", () => {
    const old = create({ metadata: { ...metadata }, spec: {} });
    const replaced = { ...structuredClone(old), metadata: { ...metadata } };
    defaultService(replaced, { config: parseServingConfig(), old, userInfo: { username: "bob" } });
    expect(replaced.metadata).toEqual(old.metadata);
  });

  test("a template whose name the author kept is left as stored", () => {
    const old: Service = {
      metadata,
      spec: { template: { metadata: { name: "hello-v1" }, spec: { containers: [{ image: "a" }] } } },
    };
    const service = structuredClone(old);
    defaultService(service, { config: parseServingConfig(), old, userInfo });
    expect(service.spec.template).toEqual(old.spec.template);
  });

  test.each([
    { traffic: "all" },
    { traffic: null },
    { template: { spec: { containers: "one" } } },
    { template: { metadata: { annotations: { a: 1 } } } },
  ])("a shape that cannot be right is left to the API server: %j", (spec) => {
    const service = { metadata, spec: structuredClone(spec) } as unknown as Service;
    defaultService(service, { config: parseServingConfig(), userInfo });
    expect(service.spec).toEqual(spec);
  });
});

test("a Configuration or Route that a Service owns keeps the Service's annotations", () => {
  const owned = { ...metadata, ownerReferences: [{ apiVersion: "v1", kind: "Service", name: "hello", uid: "1" }] };
  const configuration: Configuration = { metadata: { ...owned }, spec: {} };
  const route: Route = { metadata: { ...owned }, spec: {} };
  const config = parseServingConfig();
  defaultConfiguration(configuration, { config, userInfo });
  defaultRoute(route, { config, userInfo });
  expect(configuration.metadata).toEqual(owned);
  expect(route.metadata).toEqual(owned);
  // A Route of its own must say where its traffic goes.
  expect(route.spec).toEqual({});
});

test("a Revision is never defaulted again", () => {
  const old: Revision = { metadata, spec: { containers: [{ image: "a" }] } };
  const revision = structuredClone(old);
  defaultRevision(revision, { config: parseServingConfig(), old, userInfo });
  expect(revision).toEqual(old);
});

test("a PodAutoscaler gets the cluster's class, and the metric of its class", () => {
  const config = parseServingConfig({ "config-autoscaler": { "pod-autoscaler-class": "hpa.autoscaling.knative.dev" } });
  const annotationsOf = (given: Record<string, string>) => {
    const object: PodAutoscaler = { metadata: { ...metadata, annotations: given }, spec: {} };
    defaultPodAutoscaler(object, { config });
    return object.metadata.annotations;
  };
  expect(annotationsOf({})).toEqual({
    "autoscaling.knative.dev/class": "hpa.autoscaling.knative.dev",
    "autoscaling.knative.dev/metric": "cpu",
  });
  expect(annotationsOf({ "autoscaling.knative.dev/class": "kpa.autoscaling.knative.dev" })).toMatchObject({
    "autoscaling.knative.dev/metric": "concurrency",
  });
  expect(annotationsOf({ "autoscaling.knative.dev/class": "mine.example.com" })).not.toHaveProperty(
    "autoscaling.knative.dev/metric",
  );
});

test("an Ingress is public, and a lone backend gets everything", () => {
  const ingress: Ingress = {
    metadata,
    spec: {
      rules: [{ hosts: ["a"], http: { paths: [{ splits: [{ serviceName: "x" }] }] } }, { visibility: "ClusterLocal" }],
    },
  };
  defaultIngress(ingress);
  expect(ingress.spec.rules?.[0]?.visibility).toBe("ExternalIP");
  expect(ingress.spec.rules?.[0]?.http?.paths?.[0]?.splits?.[0]?.percent).toBe(100);
  expect(ingress.spec.rules?.[1]?.visibility).toBe("ClusterLocal");
});

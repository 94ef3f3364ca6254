import { describe, expect, test } from "@jest/globals";
import type { ConditionedStatus } from "../../meta/conditions.ts";
import type { PodAutoscaler, PodAutoscalerStatus } from "../../autoscaling/v1alpha1/pod-autoscaler.types.ts";
import * as scaler from "../../autoscaling/v1alpha1/pod-autoscaler.lifecycle.ts";
import type { Ingress } from "../../networking/v1alpha1/ingress.types.ts";
import * as ingresses from "../../networking/v1alpha1/ingress.lifecycle.ts";
import * as configurations from "./configuration.lifecycle.ts";
import type { Configuration } from "./configuration.types.ts";
import * as revisions from "./revision.lifecycle.ts";
import type { Revision, RevisionStatus } from "./revision.types.ts";
import * as routes from "./route.lifecycle.ts";
import type { Route, RouteStatus } from "./route.types.ts";
import * as services from "./service.lifecycle.ts";
import type { Service, ServiceStatus } from "./service.types.ts";

const now = new Date("2026-01-01T00:00:00Z");
const metadata = { name: "hello", namespace: "default" };

const newService = (): ServiceStatus => services.initializeService({ metadata, spec: {} } satisfies Service, now);
const newRevision = (): RevisionStatus => revisions.initializeRevision({ metadata, spec: {} } satisfies Revision, now);
const newRoute = (): RouteStatus => routes.initializeRoute({ metadata, spec: {} } satisfies Route, now);

// "Ready=False/Reason: message" for one condition, all that users see of it.
function text(status: ConditionedStatus, type: string): string {
  const condition = status.conditions?.find((candidate) => candidate.type === type);
  const { status: value = "absent", reason = "", message = "" } = condition ?? {};
  return `${value}${reason === "" ? "" : `/${reason}`}${message === "" ? "" : `: ${message}`}`;
}

describe("Service", () => {
  const rows: [(status: ServiceStatus) => void, string, string][] = [
    [
      (s) => services.markConfigurationNotOwned(s, "hello", now),
      "ConfigurationsReady",
      'False/NotOwned: There is an existing Configuration "hello" that we do not own.',
    ],
    [
      (s) => services.markRouteNotOwned(s, "hello", now),
      "RoutesReady",
      'False/NotOwned: There is an existing Route "hello" that we do not own.',
    ],
    [
      (s) => services.markConfigurationNotReconciled(s, now),
      "ConfigurationsReady",
      "Unknown/OutOfDate: The Configuration is still working to reflect the latest desired specification.",
    ],
    [
      (s) => services.markRouteNotReconciled(s, now),
      "RoutesReady",
      "Unknown/OutOfDate: The Route is still working to reflect the latest desired specification.",
    ],
    [
      (s) => services.markRevisionNameTaken(s, "hello-v1", now),
      "RoutesReady",
      'False/RevisionNameTaken: The revision name "hello-v1" is taken by a conflicting Revision, so traffic will not be migrated',
    ],
    [
      (s) => services.markTrafficNotMigrated(s, now),
      "RoutesReady",
      "Unknown/TrafficNotMigrated: Traffic is not yet migrated to the latest revision.",
    ],
  ];
  test.each(rows)("%#: %p", (mark, type, want) => {
    const status = newService();
    mark(status);
    expect(text(status, type)).toBe(want);
    expect(text(status, "Ready")).toBe(want);
  });

  test("repeats Configuration and Route, reason and message included", () => {
    const status = newService();
    const configuration: Configuration = {
      metadata,
      spec: {},
      status: {
        latestCreatedRevisionName: "hello-00002",
        latestReadyRevisionName: "hello-00001",
        conditions: [{ type: "Ready", status: "False", reason: "RevisionFailed", message: "bad" }],
      },
    };
    services.propagateConfiguration(status, configuration, now);
    expect(status).toMatchObject({ latestCreatedRevisionName: "hello-00002", latestReadyRevisionName: "hello-00001" });
    expect(text(status, "ConfigurationsReady")).toBe("False/RevisionFailed: bad");

    const route: Route = {
      metadata,
      spec: {},
      status: {
        url: "http://hello.default.localhost",
        address: { url: "http://hello.default.svc.cluster.local" },
        traffic: [{ revisionName: "hello-00001", percent: 100 }],
        conditions: [{ type: "Ready", status: "True" }],
      },
    };
    services.propagateRoute(status, route, now);
    expect(status).toMatchObject({ url: route.status?.url, address: route.status?.address });
    expect(text(status, "RoutesReady")).toBe("True");
    expect(text(status, "Ready")).toBe("False/RevisionFailed: bad");
  });

  test("never shares a child's objects, and forgets what the child has no longer", () => {
    const status = newService();
    const route: Route = { metadata, spec: {}, status: { url: "http://a", traffic: [{ percent: 100 }] } };
    services.propagateRoute(status, route, now);
    expect(status.traffic).toEqual(route.status?.traffic);
    expect(status.traffic).not.toBe(route.status?.traffic);
    services.propagateRoute(status, { metadata, spec: {}, status: {} }, now);
    expect(status).not.toHaveProperty("url");
    expect(status).not.toHaveProperty("traffic");
  });
});

describe("Configuration", () => {
  const fresh = () => configurations.initializeConfiguration({ metadata, spec: {} }, now);

  test("is ready when the latest created Revision is", () => {
    const status = fresh();
    configurations.markLatestCreated(status, "hello-00001", now);
    expect(text(status, "Ready")).toBe("Unknown");
    configurations.markLatestReady(status, "hello-00001", now);
    expect(text(status, "Ready")).toBe("True");
    configurations.markLatestCreated(status, "hello-00002", now);
    expect(text(status, "Ready")).toBe("Unknown");
    expect(status.latestReadyRevisionName).toBe("hello-00001");
  });

  test("a failed Revision leaves the one that is ready", () => {
    const status = fresh();
    configurations.markLatestReady(status, "hello-00001", now);
    configurations.markLatestCreated(status, "hello-00002", now);
    configurations.markLatestCreatedFailed(status, { revisionName: "hello-00002", message: "no image" }, now);
    expect(text(status, "Ready")).toBe('False/RevisionFailed: Revision "hello-00002" failed with message: no image.');
    expect(status.latestReadyRevisionName).toBe("hello-00001");
    configurations.markRevisionCreationFailed(status, "quota", now);
    expect(text(status, "Ready")).toBe("False/RevisionFailed: Revision creation failed with message: quota.");
  });
});

describe("Revision", () => {
  test("what a container says when it ends", () => {
    const status = newRevision();
    revisions.markContainerExiting(status, { exitCode: 5, message: "boom" }, now);
    expect(text(status, "Ready")).toBe("False/ExitCode5: Container failed with: boom");
    revisions.markContainerExiting(status, { exitCode: 0, message: "" }, now);
    expect(text(status, "Ready")).toBe("False/ExitCode0: Container failed with: container exited with no error");
  });

  test("an image that cannot be found", () => {
    const status = newRevision();
    revisions.markContainerMissing(status, { image: "nope", message: "404" }, now);
    const want = 'False/ContainerMissing: Unable to fetch image "nope": failed to resolve image to digest: 404';
    expect(text(status, "ContainerHealthy")).toBe(want);
    expect(text(status, "Ready")).toBe(want);
  });

  test("Active says nothing about Ready", () => {
    const status = newRevision();
    revisions.markResourcesAvailable(status, now);
    revisions.markContainerHealthy(status, now);
    revisions.markRevisionInactive(status, { reason: "NoTraffic", message: "idle" }, now);
    expect(text(status, "Ready")).toBe("True");
    expect(status.conditions?.find(({ type }) => type === "Active")?.severity).toBe("Info");
  });

  type Conditions = NonNullable<revisions.DeploymentProgress["conditions"]>;
  const deployments: [string, Conditions | undefined, string][] = [
    ["nothing known", undefined, "Unknown/Deploying"],
    ["on its way", [{ type: "Progressing", status: "Unknown" }], "Unknown/Deploying"],
    ["progressing", [{ type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" }], "True"],
    [
      "not available, as at zero",
      [
        { type: "Progressing", status: "True" },
        { type: "Available", status: "False" },
      ],
      "True",
    ],
    [
      "out of time",
      [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "late" }],
      "False/ProgressDeadlineExceeded: late",
    ],
    [
      "over quota",
      [
        { type: "Progressing", status: "True" },
        { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "quota" },
      ],
      "False/FailedCreate: quota",
    ],
    [
      "a failure that is over",
      [
        { type: "Progressing", status: "True" },
        { type: "ReplicaFailure", status: "False" },
      ],
      "True",
    ],
  ];
  test.each(deployments)("a Deployment with %s", (_, conditions, want) => {
    const status = newRevision();
    revisions.propagateDeployment(status, conditions === undefined ? undefined : { conditions }, now);
    expect(text(status, "ResourcesAvailable")).toBe(want);
  });

  const podAutoscaler = (mark: (status: PodAutoscalerStatus) => void): PodAutoscaler => {
    const object: PodAutoscaler = { metadata, spec: {} };
    mark(scaler.initializePodAutoscaler(object, now));
    return object;
  };

  test("a PodAutoscaler that has said nothing", () => {
    const status = newRevision();
    revisions.propagatePodAutoscaler(status, { metadata, spec: {} }, now);
    expect(text(status, "Active")).toBe("Unknown/Deploying");
  });

  test("becomes ready with the initial scale, and shows the scale", () => {
    const status = newRevision();
    const active = podAutoscaler((s) => {
      scaler.markScaleTargetInitialized(s, now);
      scaler.markActive(s, now);
      Object.assign(s, { actualScale: 1, desiredScale: 2 });
    });
    revisions.propagatePodAutoscaler(status, active, now);
    expect(text(status, "Ready")).toBe("True");
    expect(text(status, "Active")).toBe("True");
    expect(status).toMatchObject({ actualReplicas: 1, desiredReplicas: 2 });
  });

  test("waits while the initial scale has not been reached, though the Deployment is there", () => {
    const status = newRevision();
    revisions.markResourcesAvailable(status, now);
    revisions.propagatePodAutoscaler(
      status,
      podAutoscaler((s) => scaler.markQueued(s, now)),
      now,
    );
    expect(text(status, "ResourcesAvailable")).toBe("Unknown/Deploying");
    expect(text(status, "Active")).toBe(
      "Unknown/Queued: Requests to the target are being buffered as resources are provisioned.",
    );
  });

  test("fails when the initial scale is given up", () => {
    const status = newRevision();
    revisions.markResourcesAvailable(status, now);
    revisions.propagatePodAutoscaler(
      status,
      podAutoscaler((s) => scaler.markActivationTimedOut(s, now)),
      now,
    );
    expect(text(status, "Ready")).toBe("False/ProgressDeadlineExceeded: Initial scale was never achieved");
    expect(text(status, "Active")).toBe("False/TimedOut: The target could not be activated.");
  });

  test("a known cause is not hidden, neither by success nor by giving up", () => {
    for (const mark of [scaler.markScaleTargetInitialized, scaler.markActivationTimedOut]) {
      const status = newRevision();
      revisions.markContainerExiting(status, { exitCode: 1, message: "boom" }, now);
      revisions.propagatePodAutoscaler(
        status,
        podAutoscaler((s) => mark(s, now)),
        now,
      );
      expect(text(status, "Ready")).toBe("False/ExitCode1: Container failed with: boom");
    }
  });

  test("at zero stays ready", () => {
    const status = newRevision();
    const idle = podAutoscaler((s) => {
      scaler.markScaleTargetInitialized(s, now);
      scaler.markNoTraffic(s, now);
      Object.assign(s, { actualScale: 0, desiredScale: -1 });
    });
    revisions.propagatePodAutoscaler(status, idle, now);
    expect(text(status, "Ready")).toBe("True");
    expect(text(status, "Active")).toBe("False/NoTraffic: The target is not receiving traffic.");
    expect(status.actualReplicas).toBe(0);
    expect(status).not.toHaveProperty("desiredReplicas");
  });
});

describe("Route", () => {
  const rows: [(status: RouteStatus) => void, string, string][] = [
    [
      (s) => routes.markConfigurationNotReady(s, "c", now),
      "AllTrafficAssigned",
      'Unknown/RevisionMissing: Configuration "c" is waiting for a Revision to become ready.',
    ],
    [
      (s) => routes.markConfigurationFailed(s, "c", now),
      "AllTrafficAssigned",
      'False/RevisionMissing: Configuration "c" does not have any ready Revision.',
    ],
    [
      (s) => routes.markRevisionNotReady(s, "r", now),
      "AllTrafficAssigned",
      'Unknown/RevisionMissing: Revision "r" is not yet ready.',
    ],
    [
      (s) => routes.markRevisionFailed(s, "r", now),
      "AllTrafficAssigned",
      'False/RevisionMissing: Revision "r" failed to become ready.',
    ],
    [
      (s) => routes.markMissingTrafficTarget(s, { kind: "Configuration", name: "c" }, now),
      "AllTrafficAssigned",
      'False/ConfigurationMissing: Configuration "c" referenced in traffic not found.',
    ],
    [
      (s) => routes.markMissingTrafficTarget(s, { kind: "Revision", name: "r" }, now),
      "AllTrafficAssigned",
      'False/RevisionMissing: Revision "r" referenced in traffic not found.',
    ],
    [
      (s) => routes.markRevisionNotOwned(s, { revisionName: "r", serviceName: "s" }, now),
      "AllTrafficAssigned",
      'False/RevisionNotOwned: Revision "r" does not belong to Service "s".',
    ],
    [
      (s) => routes.markRevisionNotOwned(s, { revisionName: "r", serviceName: "s", actualServiceName: "t" }, now),
      "AllTrafficAssigned",
      'False/RevisionNotOwned: Revision "r" belongs to Service "t", not Service "s".',
    ],
    [(s) => routes.markDomainInvalid(s, "too long", now), "AllTrafficAssigned", "False/ErrorConfig: too long"],
    [(s) => routes.markUnknownTrafficError(s, "boom", now), "AllTrafficAssigned", "Unknown/Unknown: boom"],
    [
      (s) => routes.markIngressNotConfigured(s, now),
      "IngressReady",
      "Unknown/IngressNotConfigured: Ingress has not yet been reconciled.",
    ],
    [
      (s) => routes.markServiceNotOwned(s, "s", now),
      "IngressReady",
      'False/NotOwned: There is an existing placeholder Service "s" that we do not own.',
    ],
    [
      (s) => routes.markEndpointNotOwned(s, "s", now),
      "IngressReady",
      'False/NotOwned: There is an existing placeholder Endpoint "s" that we do not own.',
    ],
    [
      (s) => routes.markRolloutInProgress(s, now),
      "IngressReady",
      "Unknown/RolloutInProgress: A gradual rollout of the latest revision(s) is in progress.",
    ],
    [
      (s) => routes.markCertificateNotReady(s, "c", now),
      "CertificateProvisioned",
      "Unknown/CertificateNotReady: Certificate c is not ready.",
    ],
    [
      (s) => routes.markCertificateProvisionFailed(s, "c", now),
      "CertificateProvisioned",
      "False/CertificateProvisionFailed: Certificate c fails to be provisioned.",
    ],
    [
      (s) => routes.markCertificateNotOwned(s, "c", now),
      "CertificateProvisioned",
      "False/CertificateNotOwned: There is an existing certificate c that we don't own.",
    ],
  ];
  test.each(rows)("%#: %p", (mark, type, want) => {
    const status = newRoute();
    mark(status);
    expect(text(status, type)).toBe(want);
    expect(text(status, "Ready")).toBe(want);
  });

  test("is ready with traffic, an ingress and no wish for certificates", () => {
    const status = newRoute();
    routes.markTrafficAssigned(status, now);
    routes.markTLSNotEnabled(status, routes.externalDomainTLSNotEnabledMessage, now);
    const ingress: Ingress = { metadata, spec: {} };
    routes.propagateIngress(status, ingress, now);
    expect(text(status, "IngressReady")).toBe("Unknown/IngressNotConfigured: Ingress has not yet been reconciled.");

    const ingressStatus = ingresses.initializeIngress(ingress, now);
    ingresses.markNetworkConfigured(ingressStatus, now);
    ingresses.markLoadBalancerNotReady(ingressStatus, now);
    routes.propagateIngress(status, ingress, now);
    expect(text(status, "Ready")).toBe("Unknown/Uninitialized: Waiting for load balancer to be ready");

    ingresses.markLoadBalancerReady(
      ingressStatus,
      { publicIngress: [], privateIngress: [{ domainInternal: "a" }] },
      now,
    );
    routes.propagateIngress(status, ingress, now);
    expect(text(status, "Ready")).toBe("True");
    expect(text(status, "CertificateProvisioned")).toBe("True/TLSNotEnabled: external-domain-tls is not enabled");
    expect(ingressStatus.privateLoadBalancer).toEqual({ ingress: [{ domainInternal: "a" }] });
  });

  test("serves plain HTTP while a certificate is missing", () => {
    const status = newRoute();
    routes.markHTTPDowngrade(status, "cert", now);
    expect(text(status, "CertificateProvisioned")).toBe(
      "True/HTTPDowngrade: Certificate cert is not ready downgrade HTTP.",
    );
  });
});

describe("PodAutoscaler", () => {
  const fresh = () => scaler.initializePodAutoscaler({ metadata, spec: {} }, now);

  test("is ready when it is active and was once at its initial scale", () => {
    const status = fresh();
    scaler.markActive(status, now);
    expect(text(status, "Ready")).toBe("Unknown");
    scaler.markScaleTargetInitialized(status, now);
    expect(text(status, "Ready")).toBe("True");
    expect(scaler.isScaleTargetInitialized(status)).toBe(true);
  });

  test("what it does not own or cannot create makes it inactive", () => {
    const status = fresh();
    scaler.markResourceNotOwned(status, { kind: "Deployment", name: "d" }, now);
    expect(text(status, "Active")).toBe('False/NotOwned: There is an existing Deployment "d" that we do not own.');
    scaler.markResourceFailedCreation(status, { kind: "Deployment", name: "d" }, now);
    expect(text(status, "Ready")).toBe('False/FailedCreate: Failed to create Deployment "d".');
  });

  test("knows for how long it has been idle", () => {
    const status = fresh();
    expect(scaler.isActivating(status)).toBe(true);
    scaler.markNoTraffic(status, now);
    const later = new Date(now.getTime() + 30_000);
    expect(scaler.isInactive(status)).toBe(true);
    expect(scaler.activeStatusAgeMs(status, "False", later)).toBe(30_000);
    expect(scaler.activeStatusAgeMs(status, "True", later)).toBe(-1);
    expect(scaler.activeStatusAgeMs(undefined, "True", later)).toBe(-1);
  });
});

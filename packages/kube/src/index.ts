// The port.
export type {
  CallOptions,
  DeleteOptions,
  JsonPatchOperation,
  KubeClient,
  ListOptions,
  ObjectList,
  Patch,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from "./kube-client.ts";
export type { Change, Informer, InformerOptions, OpenInformer } from "./informer.ts";
export type { Clock } from "./clock.ts";

// What every kind has, for those that know Kubernetes but not Knative.
export { apiVersionOf } from "./resource-path.ts";
export type { Kind, KubeObject, ObjectKey, ObjectMeta, OwnerReference } from "@kelvin/api";

// Reaching a server.
export { openKubeClient } from "./http-kube-client.ts";
export type { KubeClientOptions, OpenKubeClient } from "./http-kube-client.ts";
export { openPodLogs } from "./pod-logs.ts";
export type { LogContainer, OpenPodLogs, PodLogOptions, PodLogs } from "./pod-logs.ts";
export { loadKubeConfig } from "./kube-config.ts";
export type { KubeConfig, LoadKubeConfigOptions } from "./kube-config.ts";
export { openInformer } from "./open-informer.ts";

// Errors.
export {
  AlreadyExistsError,
  ConflictError,
  ExpiredError,
  ForbiddenError,
  InvalidError,
  KubeError,
  NotFoundError,
  UnavailableError,
  errorFromStatus,
  statusFromError,
  toError,
} from "./errors.ts";
export type { KubeErrorOptions, Status, StatusCause, StatusDetails } from "./errors.ts";

// Kubernetes' own kinds, each a value and a type.
export {
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  CoreEvent,
  CoreService,
  CustomResourceDefinition,
  Deployment,
  EndpointSlice,
  Job,
  Lease,
  MutatingWebhookConfiguration,
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  Role,
  RoleBinding,
  Secret,
  ServiceAccount,
  ValidatingWebhookConfiguration,
} from "./core-kinds.ts";
export type { Wire, WireObject } from "./wire.ts";

// Values and time.
export { deepCopy, deepFreeze, isSemanticallyEqual } from "./json-value.ts";
export { keyOf, keyText, parseKey } from "./object-key.ts";
export { labelSelectorMatcher, parseFieldSelector, parseLabelSelector } from "./selector.ts";
export type { LabelSelector, Matcher } from "./selector.ts";
export { sleepOn, systemClock } from "./clock.ts";
export { linkSignals } from "./linked-signal.ts";
export type { LinkedSignal } from "./linked-signal.ts";
export { makeCallPlaces } from "./call-places.ts";
export type { CallPlaces } from "./call-places.ts";
export { makeBackoff } from "./backoff.ts";
export type { Backoff } from "./backoff.ts";

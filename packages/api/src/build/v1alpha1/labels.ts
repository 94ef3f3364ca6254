// Every label, annotation, name and path of Knative Build that Kelvin reads or writes. Nowhere else are they spelled out.

/** The API group of Build's kinds. */
export const buildGroup = "build.knative.dev";

/** Label keys. */
export const buildLabels = {
  /** On Pods: the Build they belong to. */
  buildName: "build.knative.dev/buildName",
} as const;

/** Annotation keys. */
export const buildAnnotations = {
  /** On a Build: `true` mounts the ServiceAccount's token into its containers. */
  serviceAccountToken: "build.knative.dev/service-account-token",
  /** On Secrets: registries that a basic-auth Secret is for. Any suffix. */
  dockerPrefix: "build.knative.dev/docker-",
  /** On Secrets: git servers that a basic-auth or ssh-auth Secret is for. Any suffix. */
  gitPrefix: "build.knative.dev/git-",
  /** On Pods: what each container is for, as JSON. Written by the build-controller, for itself. */
  plan: "build.knative.dev/plan",
  /** On Pods: which attempt of the Build it is, from 1. */
  attempt: "build.knative.dev/attempt",
  /** On Pods: no mesh sidecar, for it would never end. */
  sidecarInject: "sidecar.istio.io/inject",
} as const;

/** Names of the volumes that every build Pod has. No volume of a Build may take them. */
export const buildVolumes = {
  workspace: "workspace",
  home: "home",
  /** A step that mounts it gets the registry credentials of the ServiceAccount. */
  dockerCredentials: "credentials-docker",
  /** A step that mounts it gets the git credentials of the ServiceAccount. */
  gitCredentials: "credentials-git",
} as const;

/** Where they are mounted. */
export const buildPaths = {
  workspace: "/workspace",
  home: "/builder/home",
  dockerCredentials: "/builder/credentials/docker",
  gitCredentials: "/builder/credentials/git",
  /** Where v0.7 had them: for steps of Builds in which no step asks for any. */
  homeDocker: "/builder/home/.docker",
  /** Followed by the Secret's name; in the credential initializer only. */
  secrets: "/var/build-secrets",
} as const;

/** What the names of all init containers begin with. */
export const containerPrefix = "build-step-";

/** Values of `Status` in a Build's spec. */
export const buildSpecStatusCancelled = "BuildCancelled";

/** The one condition of a Build. */
export const succeededCondition = "Succeeded";

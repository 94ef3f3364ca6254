import { AnyValue, KeyedList, MapOf, Preserved, Type, type Static } from "../../meta/schema.ts";
import { Container, forbidden } from "./container.types.ts";
import { Volume } from "./volume.types.ts";

const gated = (feature: string) => `Needs the feature kubernetes.podspec-${feature} in config-features.`;
const gatedText = (feature: string) => Type.Optional(Type.String({ description: gated(feature) }));
const gatedFlag = (feature: string) => Type.Optional(Type.Boolean({ description: gated(feature) }));
const gatedObject = (feature: string) => Type.Optional(Preserved({ description: gated(feature) }));
const gatedList = (feature: string) => Type.Optional(Type.Array(Preserved(), { description: gated(feature) }));

/** The security settings of a whole pod, as far as Knative can allow them. */
export interface PodSecurityContext {
  runAsUser?: number;
  runAsGroup?: number;
  runAsNonRoot?: boolean;
  fsGroup?: number;
  fsGroupChangePolicy?: string;
  supplementalGroups?: number[];
  seccompProfile?: { type: string; localhostProfile?: string };
}

/**
 * The fields of a PodSpec in a Revision. Those behind a feature flag, and those that are never allowed, are here so that
 * validation can name them; anything else is an unknown field already to the API server.
 */
export const podSpecProperties = {
  // Not told apart by name when applied: most have none until admission gives them one.
  containers: Type.Optional(
    Type.Array(Container, {
      description:
        "The containers. The one with a port, or the only one, receives the requests; others are its sidecars.",
    }),
  ),
  volumes: Type.Optional(KeyedList(Volume, "name", { description: "Volumes that the containers may mount." })),
  serviceAccountName: Type.Optional(
    Type.String({
      description: "The ServiceAccount to run as; its image pull secrets are used too. Default: default.",
    }),
  ),
  imagePullSecrets: Type.Optional(
    KeyedList(
      Type.Object({ name: Type.Optional(Type.String({ description: "Name of the Secret.", default: "" })) }),
      "name",
      { description: "Secrets with credentials for private registries." },
    ),
  ),
  automountServiceAccountToken: Type.Optional(
    Type.Boolean({ description: "false keeps the ServiceAccount's token out of the containers; true may not be set." }),
  ),
  enableServiceLinks: Type.Optional(
    Type.Boolean({ description: "Whether the addresses of all Services become environment variables. Default false." }),
  ),
  initContainers: Type.Optional(
    Type.Array(Container, { description: `Run to completion before the containers. ${gated("init-containers")}` }),
  ),
  affinity: gatedObject("affinity"),
  dnsConfig: gatedObject("dnsconfig"),
  dnsPolicy: gatedText("dnspolicy"),
  hostAliases: gatedList("hostaliases"),
  hostIPC: gatedFlag("hostipc"),
  hostNetwork: gatedFlag("hostnetwork"),
  hostPID: gatedFlag("hostpid"),
  nodeSelector: Type.Optional(
    MapOf(Type.String(), { description: gated("nodeselector"), "x-kubernetes-map-type": "atomic" }),
  ),
  priorityClassName: gatedText("priorityclassname"),
  runtimeClassName: gatedText("runtimeclassname"),
  schedulerName: gatedText("schedulername"),
  securityContext: Type.Optional(Preserved<PodSecurityContext>({ description: gated("securitycontext") })),
  shareProcessNamespace: gatedFlag("shareprocessnamespace"),
  tolerations: gatedList("tolerations"),
  topologySpreadConstraints: gatedList("topologyspreadconstraints"),
  activeDeadlineSeconds: forbidden,
  ephemeralContainers: forbidden,
  hostname: forbidden,
  hostnameOverride: forbidden,
  hostUsers: forbidden,
  nodeName: forbidden,
  os: forbidden,
  overhead: forbidden,
  preemptionPolicy: forbidden,
  priority: forbidden,
  readinessGates: forbidden,
  resourceClaims: forbidden,
  resources: forbidden,
  restartPolicy: forbidden,
  schedulingGates: forbidden,
  serviceAccount: forbidden,
  setHostnameAsFQDN: forbidden,
  subdomain: forbidden,
  terminationGracePeriodSeconds: Type.Optional(
    AnyValue({ description: "Not allowed: the grace period follows from timeoutSeconds." }),
  ),
} as const;

const PodSpecObject = Type.Object(podSpecProperties);
/** A PodSpec as a Revision may hold it. */
export type PodSpec = Static<typeof PodSpecObject>;

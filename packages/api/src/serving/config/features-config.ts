import { readConfig, type ConfigData } from "./parse-config.ts";

/** Enabled does it for everybody, Allowed for whoever asks, Disabled for nobody. */
export type Feature = "Enabled" | "Allowed" | "Disabled";

const flags = ["Enabled", "Allowed", "Disabled"] as const;

const featureKeys = {
  multiContainer: "multi-container",
  multiContainerProbing: "multi-container-probing",
  podSpecAffinity: "kubernetes.podspec-affinity",
  podSpecTopologySpreadConstraints: "kubernetes.podspec-topologyspreadconstraints",
  podSpecHostAliases: "kubernetes.podspec-hostaliases",
  podSpecNodeSelector: "kubernetes.podspec-nodeselector",
  podSpecTolerations: "kubernetes.podspec-tolerations",
  podSpecFieldRef: "kubernetes.podspec-fieldref",
  podSpecRuntimeClassName: "kubernetes.podspec-runtimeclassname",
  podSpecDNSPolicy: "kubernetes.podspec-dnspolicy",
  podSpecDNSConfig: "kubernetes.podspec-dnsconfig",
  podSpecSecurityContext: "kubernetes.podspec-securitycontext",
  podSpecShareProcessNamespace: "kubernetes.podspec-shareprocessnamespace",
  podSpecHostIPC: "kubernetes.podspec-hostipc",
  podSpecHostPID: "kubernetes.podspec-hostpid",
  podSpecHostNetwork: "kubernetes.podspec-hostnetwork",
  podSpecPriorityClassName: "kubernetes.podspec-priorityclassname",
  podSpecSchedulerName: "kubernetes.podspec-schedulername",
  podSpecInitContainers: "kubernetes.podspec-init-containers",
  podSpecPersistentVolumeClaim: "kubernetes.podspec-persistent-volume-claim",
  podSpecPersistentVolumeWrite: "kubernetes.podspec-persistent-volume-write",
  podSpecVolumesEmptyDir: "kubernetes.podspec-volumes-emptydir",
  podSpecVolumesHostPath: "kubernetes.podspec-volumes-hostpath",
  podSpecVolumesCSI: "kubernetes.podspec-volumes-csi",
  podSpecVolumesEphemeral: "kubernetes.podspec-volumes-ephemeral",
  podSpecVolumesImage: "kubernetes.podspec-volumes-image",
  podSpecVolumesMountPropagation: "kubernetes.podspec-volumes-mount-propagation",
  containerSpecAddCapabilities: "kubernetes.containerspec-addcapabilities",
  tagHeaderBasedRouting: "tag-header-based-routing",
  autoDetectHTTP2: "autodetect-http2",
  queueProxyMountPodInfo: "queueproxy.mount-podinfo",
  queueProxyResourceDefaults: "queueproxy.resource-defaults",
} as const;

const enabledByDefault: readonly string[] = ["multiContainer", "podSpecVolumesEmptyDir"];

/** Name of one feature, as code calls it. */
export type FeatureName = keyof typeof featureKeys;

/** config-features: what the cluster's owner lets users do. */
export type FeaturesConfig = Readonly<Record<FeatureName, Feature>> & {
  /** AllowRootBounded is Enabled, except that containers may run as root. */
  readonly securePodDefaults: "Enabled" | "AllowRootBounded" | "Disabled";
};

/** Parses config-features. @throws ConfigError naming the key. */
export function parseFeaturesConfig(content: ConfigData = {}): FeaturesConfig {
  const read = readConfig("config-features", content);
  const parsed = Object.entries(featureKeys).map(([name, key]): [string, Feature] => [
    name,
    read.oneOf<Feature>(key, flags, enabledByDefault.includes(name) ? "Enabled" : "Disabled"),
  ]);
  return {
    ...(Object.fromEntries(parsed) as Record<FeatureName, Feature>),
    securePodDefaults: read.oneOf("secure-pod-defaults", ["Enabled", "AllowRootBounded", "Disabled"], "Disabled"),
  };
}

/** The key of a feature in the ConfigMap. */
export function featureKey(name: FeatureName): string {
  return featureKeys[name];
}

import { described, Preserved, Type, type Static } from "../../meta/schema.ts";

const keyToPath = Type.Object({
  key: Type.String({ description: "The key to project." }),
  path: Type.String({ description: "The file to make of it, relative to the mount." }),
  mode: Type.Optional(Type.Integer({ format: "int32", description: "Permission bits of the file." })),
});
const items = Type.Optional(
  Type.Array(keyToPath, { description: "Which keys become which files. Default: all, under their own names." }),
);
const optional = Type.Optional(Type.Boolean({ description: "Whether the pod may start without it." }));
const defaultMode = Type.Optional(
  Type.Integer({ format: "int32", description: "Permission bits of the files. Default 0644." }),
);
const name = Type.Optional(Type.String({ description: "Name of the object, in the same namespace." }));
const gated = (feature: string) =>
  Type.Optional(Preserved({ description: `Needs the feature kubernetes.${feature}.` }));

const asOne = { "x-kubernetes-map-type": "atomic" } as const;
const ConfigMapVolume = Type.Object({ name, items, optional, defaultMode }, asOne);
const SecretVolume = Type.Object({
  secretName: Type.Optional(Type.String({ description: "Name of the Secret, in the same namespace." })),
  items,
  optional,
  defaultMode,
});

/** One of the sources of a projected volume. */
export const VolumeProjection = Type.Object({
  configMap: Type.Optional(
    Type.Object({ name, items, optional }, { description: "The keys of a ConfigMap as files.", ...asOne }),
  ),
  secret: Type.Optional(
    Type.Object({ name, items, optional }, { description: "The keys of a Secret as files.", ...asOne }),
  ),
  downwardAPI: Type.Optional(
    Preserved<{ items?: Record<string, unknown>[] }>({ description: "Fields of the pod as files." }),
  ),
  serviceAccountToken: Type.Optional(
    Type.Object(
      {
        audience: Type.Optional(Type.String({ description: "Whom the token is for." })),
        expirationSeconds: Type.Optional(Type.Integer({ format: "int64", description: "Lifetime of the token." })),
        path: Type.Optional(Type.String({ description: "The file, relative to the mount." })),
      },
      { description: "A token of the ServiceAccount as a file." },
    ),
  ),
  clusterTrustBundle: Type.Optional(Preserved({ description: "Known to Kubernetes, but not allowed in a Revision." })),
});
export type VolumeProjection = Static<typeof VolumeProjection>;

const ProjectedVolume = Type.Object({
  sources: Type.Optional(Type.Array(VolumeProjection, { description: "What the volume is made of." })),
  defaultMode,
});

/** Files that containers may mount. Exactly one source. */
export const Volume = Type.Object({
  name: Type.Optional(Type.String({ description: "Name by which containers mount it." })),
  configMap: Type.Optional(described(ConfigMapVolume, "The keys of a ConfigMap as files.")),
  secret: Type.Optional(described(SecretVolume, "The keys of a Secret as files.")),
  projected: Type.Optional(described(ProjectedVolume, "Several sources in one volume.")),
  emptyDir: Type.Optional(
    Preserved<{ medium?: string; sizeLimit?: number | string }>({
      description: "Scratch space that lives as long as the pod.",
    }),
  ),
  persistentVolumeClaim: Type.Optional(
    Preserved<{ claimName?: string; readOnly?: boolean }>({
      description:
        "Needs the feature kubernetes.podspec-persistent-volume-claim; to write, also kubernetes.podspec-persistent-volume-write.",
    }),
  ),
  hostPath: gated("podspec-volumes-hostpath"),
  csi: gated("podspec-volumes-csi"),
  ephemeral: gated("podspec-volumes-ephemeral"),
  image: gated("podspec-volumes-image"),
});
export type Volume = Static<typeof Volume>;

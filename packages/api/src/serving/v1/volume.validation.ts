import { posix } from "node:path";
import { dns1123LabelProblems } from "../../meta/dns-names.ts";
import { disallowedFields } from "../../meta/field-mask.ts";
import {
  fieldError,
  invalidValue,
  missingField,
  missingOneOf,
  multipleOneOf,
  viaField,
  viaFieldIndex,
  viaIndex,
  type FieldError,
} from "../../meta/field-error.ts";
import type { FeatureName, FeaturesConfig } from "../config/features-config.ts";
import { isWritable } from "./container.defaults.ts";
import type { Container, VolumeMount } from "./container.types.ts";
import type { Volume, VolumeProjection } from "./volume.types.ts";

const reservedPaths = new Set(["/", "/dev", "/dev/log"]);

const gatedTypes = [
  { field: "emptyDir", type: "EmptyDir", feature: "podSpecVolumesEmptyDir" },
  { field: "hostPath", type: "HostPath", feature: "podSpecVolumesHostPath" },
  { field: "csi", type: "CSI", feature: "podSpecVolumesCSI" },
  { field: "ephemeral", type: "Ephemeral", feature: "podSpecVolumesEphemeral" },
  { field: "image", type: "Image", feature: "podSpecVolumesImage" },
] as const satisfies readonly { field: keyof Volume; type: string; feature: FeatureName }[];

const alwaysAllowedTypes = ["secret", "configMap", "projected"] as const satisfies readonly (keyof Volume)[];

/** What is wrong with the volumes, given the names of those that some container mounts. Paths begin with the index. */
export function validateVolumes(
  volumes: readonly Volume[],
  mountedNames: ReadonlySet<string>,
  features: FeaturesConfig,
): FieldError[] {
  const seen = new Set<string>();
  return volumes.flatMap((volume, index) => {
    const { name = "" } = volume;
    const errors = [...validateGates(volume, features), ...validateVolume(volume, features)];
    if (seen.has(name)) errors.push(fieldError(`duplicate volume name "${name}"`, ["name"]));
    if (!mountedNames.has(name)) errors.push(fieldError(`volume with name "${name}" not mounted`, ["name"]));
    seen.add(name);
    return viaIndex(errors, index);
  });
}

function validateGates(volume: Volume, features: FeaturesConfig): FieldError[] {
  const errors = gatedTypes
    .filter(({ field, feature }) => volume[field] !== undefined && features[feature] === "Disabled")
    .map(({ type }) =>
      fieldError(`${type} volume support is disabled, but found ${type} volume ${volume.name ?? ""}`, [""]),
    );
  return [...errors, ...validateClaim(volume.persistentVolumeClaim, features)];
}

function validateClaim(claim: Volume["persistentVolumeClaim"], features: FeaturesConfig): FieldError[] {
  if (claim === undefined) return [];
  const { claimName = "", readOnly = false } = claim;
  const errors: FieldError[] = [];
  if (features.podSpecPersistentVolumeClaim === "Disabled") {
    const text = `Persistent volume claim support is disabled, but found persistent volume claim ${claimName}`;
    errors.push(fieldError(text, [""]));
  }
  if (!readOnly && features.podSpecPersistentVolumeWrite === "Disabled") {
    const text = `Persistent volume write support is disabled, but found persistent volume claim ${claimName} that is not read-only`;
    errors.push(fieldError(text, [""]));
  }
  return errors;
}

function validateVolume(volume: Volume, features: FeaturesConfig): FieldError[] {
  const { name = "", projected } = volume;
  const errors: FieldError[] = [];
  if (name === "") errors.push(missingField("name"));
  else if (dns1123LabelProblems(name).length > 0) errors.push(invalidValue(name, "name"));
  const gated = [...gatedTypes.map(({ field }) => field), "persistentVolumeClaim" as const];
  const given = [...alwaysAllowedTypes, ...gated].filter((field) => volume[field] !== undefined);
  if (given.length === 0) errors.push(missingOneOf(...allowedTypes(features)));
  if (given.length > 1) errors.push(multipleOneOf(...given));
  const sources = (projected?.sources ?? []).flatMap((source, index) =>
    viaFieldIndex(validateProjection(source), "sources", index),
  );
  return [...errors, ...viaField(sources, "projected"), ...validateItems(volume)];
}

function allowedTypes(features: FeaturesConfig): string[] {
  const open = gatedTypes.filter(({ feature }) => features[feature] !== "Disabled").map(({ field }) => field);
  const claim = features.podSpecPersistentVolumeClaim === "Disabled" ? [] : ["persistentVolumeClaim"];
  return [...alwaysAllowedTypes, ...open, ...claim];
}

function validateProjection(source: VolumeProjection): FieldError[] {
  const allowed = ["secret", "configMap", "downwardAPI", "serviceAccountToken"] as const;
  const given = allowed.filter((field) => source[field] !== undefined);
  const errors = disallowedFields(source, allowed);
  if (given.length === 0) errors.push(missingOneOf(...allowed));
  if (given.length > 1) errors.push(multipleOneOf(...given));
  for (const field of ["secret", "configMap"] as const) {
    if (source[field] !== undefined && (source[field].name ?? "") === "") errors.push(missingField(`${field}.name`));
  }
  return errors;
}

function validateItems({ secret, configMap }: Volume): FieldError[] {
  const sources = Object.entries({ secret, configMap });
  return sources.flatMap(([field, source]) =>
    (source?.items ?? []).flatMap(({ key, path }, index) => {
      const missing = Object.entries({ key, path }).filter(([, value]) => value === "");
      return viaField(
        viaFieldIndex(
          missing.map(([name]) => missingField(name)),
          "items",
          index,
        ),
        field,
      );
    }),
  );
}

/** What is wrong with a container's mounts. Paths begin with `volumeMounts`. */
export function validateVolumeMounts(
  { volumeMounts = [] }: Container,
  volumes: readonly Volume[],
  features: FeaturesConfig,
): FieldError[] {
  const byName = new Map(volumes.map((volume) => [volume.name ?? "", volume]));
  const seenPaths = new Set<string>();
  return volumeMounts.flatMap((mount, index) => {
    const volume = byName.get(mount.name ?? "");
    const errors = [
      ...disallowedFields(mount, allowedMountFields(features)),
      ...(volume === undefined ? [fieldError("volumeMount has no matching volume", ["name"])] : []),
      ...validateMountPath(mount, seenPaths),
      ...validateReadOnly(mount, volume),
    ];
    seenPaths.add(cleaned(mount.mountPath ?? ""));
    return viaFieldIndex(errors, "volumeMounts", index);
  });
}

function allowedMountFields({ podSpecVolumesMountPropagation }: FeaturesConfig): string[] {
  const always = ["name", "mountPath", "readOnly", "subPath", "subPathExpr"];
  return podSpecVolumesMountPropagation === "Disabled" ? always : [...always, "mountPropagation"];
}

function validateMountPath({ mountPath = "" }: VolumeMount, seenPaths: ReadonlySet<string>): FieldError[] {
  if (mountPath === "") return [missingField("mountPath")];
  const path = cleaned(mountPath);
  if (reservedPaths.has(path)) return [fieldError(`mountPath "${path}" is a reserved path`, ["mountPath"])];
  if (!mountPath.startsWith("/")) return [invalidValue(mountPath, "mountPath")];
  return seenPaths.has(path) ? [invalidValue(`"${mountPath}" must be unique`, "mountPath")] : [];
}

// One spelling for each path, so that "/dev/" and "/x/../dev" are "/dev".
function cleaned(path: string): string {
  const normalized = posix.normalize(path);
  return normalized.length > 1 && normalized.endsWith("/") ? normalized.slice(0, -1) : normalized;
}

function validateReadOnly({ readOnly = false }: VolumeMount, volume: Volume | undefined): FieldError[] {
  if (volume === undefined) return [];
  if (!readOnly && !isWritable(volume)) {
    return [fieldError("volume mount should be readOnly for this type of volume", ["readOnly"])];
  }
  if (!readOnly && volume.persistentVolumeClaim?.readOnly === true) {
    return [fieldError("volume is readOnly but volume mount is not", ["readOnly"])];
  }
  return [];
}

import type { CustomKind } from "../meta/custom-kind.ts";
import { toStructuralSchema, type StructuralSchema } from "./structural-schema.ts";

/** A CustomResourceDefinition, as far as we write one. */
export interface CustomResourceDefinitionManifest {
  readonly apiVersion: "apiextensions.k8s.io/v1";
  readonly kind: "CustomResourceDefinition";
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: StructuralSchema;
}

/** The CustomResourceDefinition of a kind. @throws StructuralSchemaError when its schema has no legal form. */
export function makeCustomResourceDefinition(kind: CustomKind): CustomResourceDefinitionManifest {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${kind.plural}.${kind.group}`, labels: kind.labels },
    spec: {
      group: kind.group,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        ...(kind.shortNames.length === 0 ? {} : { shortNames: kind.shortNames }),
        ...(kind.categories.length === 0 ? {} : { categories: kind.categories }),
      },
      scope: kind.namespaced ? "Namespaced" : "Cluster",
      versions: (kind.served?.versions ?? [kind.version]).map((version) => makeVersion(kind, version)),
    },
  };
}

function makeVersion(kind: CustomKind, version: string): StructuralSchema {
  return {
    name: version,
    served: true,
    storage: version === (kind.served?.stored ?? kind.version),
    subresources: { status: {} },
    additionalPrinterColumns: kind.printerColumns.map(({ name, type, jsonPath }) => ({ name, type, jsonPath })),
    schema: { openAPIV3Schema: makeRootSchema(kind, version) },
  };
}

function makeRootSchema(kind: CustomKind, version: string): StructuralSchema {
  return {
    description: kind.description,
    type: "object",
    properties: {
      apiVersion: { description: `${kind.group}/${version}.`, type: "string" },
      kind: { description: `${kind.kind}.`, type: "string" },
      metadata: { type: "object" },
      spec: { description: "What is wanted.", ...toStructuralSchema(kind.spec, `${kind.kind}.spec`) },
      status: {
        description: "What is observed. Written by Kelvin.",
        ...toStructuralSchema(kind.status, `${kind.kind}.status`),
      },
    },
  };
}

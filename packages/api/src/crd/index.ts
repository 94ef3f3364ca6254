export { makeCustomResourceDefinition, type CustomResourceDefinitionManifest } from "./custom-resource-definition.ts";
export { customKinds, eventingKinds } from "./kinds.ts";
export { StructuralSchemaError, toStructuralSchema, type StructuralSchema } from "./structural-schema.ts";

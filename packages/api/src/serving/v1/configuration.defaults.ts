import { specErrors } from "../../meta/schema-check.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import { Configuration, type ConfigurationSpec } from "./configuration.types.ts";
import type { AdmissionConfig, AdmissionContext } from "./context.ts";
import { defaultRevisionSpec } from "./template.defaults.ts";
import { annotateUser, hasOwner } from "./user-info.ts";

/** Fills in what the author left out. Changes the object given; give it a copy. */
export function defaultConfiguration(configuration: Configuration, context: AdmissionContext<Configuration>): void {
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(Configuration, configuration).length > 0) return;
  configuration.spec ??= {};
  defaultConfigurationSpec(configuration.spec, {
    config: context.config,
    parent: configuration.metadata,
    old: context.old?.spec,
    isCreate: context.old === undefined && context.userInfo !== undefined,
  });
  if (!hasOwner(configuration)) annotateUser(configuration, context);
}

/** What the defaults of a template depend on. */
export interface TemplateDefaultsContext {
  readonly config: AdmissionConfig;
  readonly parent: ObjectMeta;
  readonly old: ConfigurationSpec | undefined;
  readonly isCreate: boolean;
}

/** Fills in the template, in place. One whose name the author chose and kept stays as stored, lest a new default look like a change. */
export function defaultConfigurationSpec(spec: ConfigurationSpec, context: TemplateDefaultsContext): void {
  const name = spec.template?.metadata?.name ?? "";
  if (name !== "" && name === context.old?.template?.metadata?.name) return;
  spec.template ??= {};
  spec.template.spec ??= {};
  defaultRevisionSpec(spec.template.spec, context);
}

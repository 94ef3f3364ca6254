import type { ApiObject, JsonObject } from "../api-object.ts";
import { defaultField, ensureRecord, equalJson, numberAt, recordAt, stringAt } from "../api-object.ts";
import { invalidValue, required } from "../field-cause.ts";
import { labelSelectorMatcher, labelSelectorText } from "../reading/selectors.ts";
import type { ScalePaths, Strategy } from "../resource.ts";
import type { StatusCause } from "../status-error.ts";
import { defaultPodSpec } from "./pod-defaults.ts";
import { validatePodSpec } from "./pod-validation.ts";

// What holds a pod template and a replica count: Deployment and ReplicaSet.

const workload = { nameRule: "subdomain", hasGeneration: true, allowsUnconditionalUpdate: true } as const;

export const deploymentStrategy: Strategy = {
  ...workload,
  decode(deployment) {
    const spec = ensureRecord(deployment, "spec");
    spec["replicas"] ??= 1;
    spec["revisionHistoryLimit"] ??= 10;
    spec["progressDeadlineSeconds"] ??= 600;
    const strategy = ensureRecord(spec, "strategy");
    defaultField(strategy, "type", "RollingUpdate");
    if (strategy["type"] === "RollingUpdate") {
      const rollingUpdate = ensureRecord(strategy, "rollingUpdate");
      rollingUpdate["maxUnavailable"] ??= "25%";
      rollingUpdate["maxSurge"] ??= "25%";
    }
    defaultTemplate(spec);
  },
  validate: validateWorkload,
};

export const replicaSetStrategy: Strategy = {
  ...workload,
  decode(replicaSet) {
    const spec = ensureRecord(replicaSet, "spec");
    spec["replicas"] ??= 1;
    defaultTemplate(spec);
  },
  validate: validateWorkload,
  fieldLabels: { "status.replicas": (replicaSet) => String(numberAt(replicaSet, "status", "replicas") ?? 0) },
};

function defaultTemplate(spec: JsonObject): void {
  const template = ensureRecord(spec, "template");
  const metadata = ensureRecord(template, "metadata");
  delete metadata["creationTimestamp"];
  defaultPodSpec(ensureRecord(template, "spec"));
}

function validateWorkload(object: ApiObject, old: ApiObject | undefined): StatusCause[] {
  const causes: StatusCause[] = [];
  const spec = recordAt(object, "spec");
  const replicas = spec["replicas"];
  if (typeof replicas !== "number" || !Number.isInteger(replicas) || replicas < 0) {
    causes.push(invalidValue("spec.replicas", replicas, "must be greater than or equal to 0"));
  }
  const labels = recordAt(spec, "template", "metadata", "labels");
  const selector = spec["selector"];
  if (labelSelectorText(selector) === "") {
    causes.push(
      selector === undefined
        ? required("spec.selector")
        : invalidValue("spec.selector", selector, "empty selector is invalid for deployment"),
    );
  } else if (!labelSelectorMatcher(selector)(labels)) {
    causes.push(invalidValue("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"));
  }
  if (old !== undefined && !equalJson(selector, recordAt(old, "spec")["selector"])) {
    causes.push(invalidValue("spec.selector", selector, "field is immutable"));
  }
  causes.push(...validatePodSpec(recordAt(spec, "template", "spec"), "spec.template.spec"));
  if (stringAt(spec, "template", "spec", "restartPolicy") !== "Always") {
    const policy = stringAt(spec, "template", "spec", "restartPolicy");
    const message = `Unsupported value: ${JSON.stringify(policy)}: supported values: "Always"`;
    causes.push({ reason: "FieldValueNotSupported", message, field: "spec.template.spec.restartPolicy" });
  }
  return causes;
}

/** Where Deployments and ReplicaSets keep their scale. */
export const workloadScale: ScalePaths = {
  specReplicas: ["spec", "replicas"],
  statusReplicas: ["status", "replicas"],
  selector: (object) => labelSelectorText(recordAt(object, "spec")["selector"]),
};

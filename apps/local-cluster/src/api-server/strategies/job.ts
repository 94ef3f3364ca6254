import type { ApiObject, JsonObject } from "../api-object.ts";
import {
  copyJson,
  defaultField,
  ensureRecord,
  equalJson,
  isRecord,
  numberAt,
  recordAt,
  recordsAt,
  stringAt,
} from "../api-object.ts";
import type { Strategy } from "../resource.ts";
import { defaultPodSpec } from "./pod-defaults.ts";
import { validateJob } from "./job-validation.ts";

const controllerUidLabel = "batch.kubernetes.io/controller-uid";
const jobNameLabel = "batch.kubernetes.io/job-name";

/** Jobs: pods are selected by the Job's uid, which nobody chooses; what is run stays as it was made. */
export const jobStrategy: Strategy = {
  nameRule: "subdomain",
  hasGeneration: true,
  allowsUnconditionalUpdate: true,
  // batch/v1 keeps the pods of a deleted Job unless told otherwise; kubectl always tells.
  defaultPropagation: "Orphan",
  decode(job) {
    const spec = ensureRecord(job, "spec");
    defaultCounts(spec);
    defaultField(spec, "completionMode", "NonIndexed");
    spec["suspend"] ??= false;
    spec["manualSelector"] ??= false;
    defaultField(spec, "podReplacementPolicy", isRecord(spec["podFailurePolicy"]) ? "Failed" : "TerminatingOrFailed");
    for (const rule of recordsAt(spec, "podFailurePolicy", "rules")) {
      for (const pattern of recordsAt(rule, "onPodConditions")) defaultField(pattern, "status", "True");
    }
    const template = ensureRecord(spec, "template");
    const metadata = ensureRecord(template, "metadata");
    delete metadata["creationTimestamp"];
    defaultPodSpec(ensureRecord(template, "spec"));
    labelAsTemplate(job);
  },
  prepareCreate(job) {
    job["status"] = {};
    if (recordAt(job, "spec")["manualSelector"] !== true) selectByUid(job);
    labelAsTemplate(job);
  },
  validate: validateJob,
  fieldLabels: { "status.successful": (job) => String(numberAt(job, "status", "succeeded") ?? 0) },
};

/** A Job without labels has those of its pods. */
function labelAsTemplate(job: ApiObject): void {
  const labels = recordAt(job, "spec", "template", "metadata", "labels");
  if (Object.keys(job.metadata.labels ?? {}).length > 0 || Object.keys(labels).length === 0) return;
  job.metadata.labels = copyJson(labels) as Record<string, string>;
}

function defaultCounts(spec: JsonObject): void {
  if (spec["completions"] === undefined && spec["parallelism"] === undefined) spec["completions"] = 1;
  spec["parallelism"] ??= 1;
  spec["backoffLimit"] ??= 6;
}

/** The labels are written twice: under today's names and under those of before 1.27. */
function selectByUid(job: ApiObject): void {
  const { name = "", uid = "" } = job.metadata;
  const spec = ensureRecord(job, "spec");
  const labels = ensureRecord(ensureRecord(ensureRecord(spec, "template"), "metadata"), "labels");
  for (const [label, value] of [
    [controllerUidLabel, uid],
    [jobNameLabel, name],
    ["controller-uid", uid],
    ["job-name", name],
  ] as const) {
    if (stringAt(labels, label) === "") labels[label] = value;
  }
  const selector = ensureRecord(spec, "selector");
  const matchLabels = ensureRecord(selector, "matchLabels");
  if (!equalJson(matchLabels[controllerUidLabel], uid)) matchLabels[controllerUidLabel] = uid;
}

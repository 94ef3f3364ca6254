import type { Node, Pod } from "@kelvin/kube";

/** Whether the node is one that the pod's nodeSelector and required node affinity ask for. */
export function isNodeSelected(pod: Pod, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  const wanted = Object.entries(pod.spec?.nodeSelector ?? {});
  if (!wanted.every(([key, value]) => labels[key] === value)) return false;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return true;
  return required.nodeSelectorTerms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    const fields = { "metadata.name": node.metadata.name ?? "" };
    return (
      matchExpressions.every((requirement) => isMet(requirement, labels)) &&
      matchFields.every((requirement) => isMet(requirement, fields))
    );
  });
}

interface Requirement {
  key: string;
  operator: string;
  values?: string[];
}

function isMet({ key, operator, values = [] }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  if (operator === "DoesNotExist") return value === undefined;
  if (operator === "NotIn") return value === undefined || !values.includes(value);
  if (value === undefined) return false;
  if (operator === "Exists") return true;
  if (operator === "In") return values.includes(value);
  if (operator === "Gt") return Number(value) > Number(values[0]);
  return operator === "Lt" && Number(value) < Number(values[0]);
}

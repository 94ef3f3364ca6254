/** A condition as the apps and core kinds carry it. */
export interface StatusCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
  lastUpdateTime?: string;
}

export function findCondition(
  conditions: readonly StatusCondition[] | undefined,
  type: string,
): StatusCondition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/**
 * The list with `condition` in it. One of the same status and reason is left as it is, as upstream does, so that a
 * changing message alone is no write; one of the same status keeps the time of its last transition.
 */
export function withCondition(
  conditions: readonly StatusCondition[],
  condition: StatusCondition,
): readonly StatusCondition[] {
  const current = findCondition(conditions, condition.type);
  if (current?.status === condition.status && current.reason === condition.reason) return conditions;
  return replaceCondition(conditions, condition);
}

/** As `withCondition`, but replaces one of the same status and reason too. */
export function replaceCondition(
  conditions: readonly StatusCondition[],
  condition: StatusCondition,
): readonly StatusCondition[] {
  const current = findCondition(conditions, condition.type);
  const { lastTransitionTime } = current?.status === condition.status ? current : condition;
  const next = lastTransitionTime === undefined ? condition : { ...condition, lastTransitionTime };
  return [...withoutCondition(conditions, condition.type), next];
}

export function withoutCondition(conditions: readonly StatusCondition[], type: string): readonly StatusCondition[] {
  return conditions.filter((condition) => condition.type !== type);
}

/** A time as Kubernetes writes it: RFC 3339 in UTC, whole seconds. */
export function timestamp(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

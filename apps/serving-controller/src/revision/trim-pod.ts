import { labels } from "@kelvin/api/serving/v1/kinds";
import type { Pod } from "@kelvin/kube";

/** Keeps of a Pod what tells why it does not run: with thousands of them the rest would cost memory for nothing. */
export function trimPod({ apiVersion = "v1", kind = "Pod", metadata, status }: Pod): Pod {
  const { name, namespace, uid, resourceVersion, deletionTimestamp, labels: own } = metadata;
  const revision = own?.[labels.revision];
  return {
    apiVersion,
    kind,
    metadata: compact({
      name,
      namespace,
      uid,
      resourceVersion,
      deletionTimestamp,
      labels: revision === undefined ? undefined : { [labels.revision]: revision },
    }),
    status: compact({
      conditions: status?.conditions?.filter(({ type }) => type === "PodScheduled"),
      initContainerStatuses: status?.initContainerStatuses?.map(trimContainer),
      containerStatuses: status?.containerStatuses?.map(trimContainer),
    }),
  };
}

type ContainerStatus = NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number];

function trimContainer({
  name,
  ready,
  restartCount,
  image,
  imageID,
  state,
  lastState,
}: ContainerStatus): ContainerStatus {
  return { name, ready, restartCount, image, imageID, ...compact({ state, lastState }) };
}

type Compact<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out what is undefined, which our types tell from absent. */
function compact<T extends object>(value: T): Compact<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Compact<T>;
}

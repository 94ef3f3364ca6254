import { randomBytes } from "node:crypto";
import { keyOf, type ObjectKey } from "@kelvin/api";
import { Build, defaultBuild } from "@kelvin/api/build/v1alpha1";
import { openController, watching, type Controller } from "@kelvin/controller";
import type { Pod } from "@kelvin/kube";
import type { ControllerKit } from "../controller-kit.ts";
import type { LogDrain } from "./deps.ts";
import { matesOf } from "./find-turn.ts";
import { ownerKeyOf } from "./informer-indexes.ts";
import { reconcileBuild } from "./reconcile.ts";

/** A Build's conditions are written whole, by its own rules, so the loop must not see them. */
const { group, version, kind, plural, namespaced } = Build;

/** Pods that are gone are remembered for as long as it takes to record how they ended. */
const goneMax = 1000;

/** Wakes a Build when it, its Pod or another Build of its concurrency group changes. */
export function openBuildController({ informers, common, config }: ControllerKit, logs: LogDrain): Controller {
  const { builds, pods } = informers;
  const gone = rememberGone(pods);
  const mates = (build: Build): ObjectKey[] => matesOf(build, { builds }).map(keyOf);
  const ownerAndMates = (pod: Pod): ObjectKey[] => {
    const owner = ownerKeyOf(pod);
    const build = owner === undefined ? undefined : builds.get(owner);
    return [...(owner === undefined ? [] : [owner]), ...(build === undefined ? [] : mates(build))];
  };
  const controller = openController<Build>({
    ...common,
    name: "build-controller",
    kind: { group, version, kind, plural, namespaced },
    informer: builds,
    watches: [watching(builds, mates), watching(pods, ownerAndMates)],
    default: defaultBuild,
    reconcile: (build, context) =>
      reconcileBuild(build, {
        ...context,
        builds,
        pods,
        lastSeen: gone.find,
        config: config(),
        logs,
        newSuffix: () => randomBytes(3).toString("hex"),
      }),
  });
  return {
    ...controller,
    async close() {
      gone.close();
      await controller.close();
    },
  };
}

function rememberGone(pods: ControllerKit["informers"]["pods"]) {
  const gone = new Map<string, Pod>();
  const unsubscribe = pods.onChange(({ before, after }) => {
    if (before?.metadata.uid === undefined || after !== undefined) return;
    gone.set(before.metadata.uid, before);
    const [oldest] = gone.keys();
    if (gone.size > goneMax && oldest !== undefined) gone.delete(oldest);
  });
  return { find: (uid: string) => gone.get(uid), close: unsubscribe };
}

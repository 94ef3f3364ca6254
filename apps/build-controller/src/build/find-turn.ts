import type { Build } from "@kelvin/api/build/v1alpha1";
import { keyOf, keyText, Pod } from "@kelvin/kube";
import type { BuildDeps } from "./deps.ts";
import { groupsOf, indexes } from "./informer-indexes.ts";
import { currentAttempt, isBuildFinished } from "./lifecycle.ts";
import { isPodFinished } from "./status/verdict.ts";
import { decideTurn, type Turn } from "./turn.ts";

/** For how long after the end of a Build the copy of the Pods may not have heard of its Pod yet. */
const podLagMsMax = 60_000;

/** Whose turn it is, as the cluster stands. */
export async function findTurn(build: Build, deps: BuildDeps): Promise<Turn> {
  const mates = matesOf(build, deps);
  if (mates.length === 0) return { state: "now" };
  const unseen = await Promise.all(mates.map((mate) => hasUnseenPod(mate, deps)));
  return decideTurn(build, mates, (mate) => hasSeenPod(mate, deps) || unseen[mates.indexOf(mate)] === true);
}

/** The other Builds of its concurrency group. */
export function matesOf(build: Build, { builds }: Pick<BuildDeps, "builds">): Build[] {
  return groupsOf(build)
    .flatMap((group) => builds.byIndex(indexes.group, group))
    .filter(({ metadata }) => metadata.uid !== build.metadata.uid);
}

function hasSeenPod(mate: Build, { pods }: BuildDeps): boolean {
  return pods.byIndex(indexes.build, keyText(keyOf(mate))).some((pod) => !isPodFinished(pod));
}

/** A Pod that was made a moment before its Build was cancelled may be missing from the copy: ask the server. */
async function hasUnseenPod(mate: Build, { kube, pods, clock }: BuildDeps): Promise<boolean> {
  const attempt = currentAttempt(mate);
  const { completionTime } = mate.status ?? {};
  if (attempt === undefined || !isBuildFinished(mate) || completionTime === undefined) return false;
  if (clock.now().getTime() - Date.parse(completionTime) > podLagMsMax) return false;
  const key = { namespace: mate.metadata.namespace ?? "", name: attempt.podName };
  if (pods.get(key) !== undefined) return false;
  const live = await kube.find(Pod, key);
  return live !== undefined && !isPodFinished(live);
}

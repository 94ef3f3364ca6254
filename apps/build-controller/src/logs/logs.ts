import { serviceAccountDefault } from "@kelvin/api/build/v1alpha1";
import { keyOf, toError, type Pod, type PodLogs, type Secret } from "@kelvin/kube";
import { isBuildFinished } from "../build/lifecycle.ts";
import { readSecrets } from "../build/inputs.ts";
import type { ControllerKit } from "../controller-kit.ts";
import { openLogKeeper, type LogKeeper } from "./log-keeper.ts";
import type { LogStore } from "./log-store.ts";
import { sweepLogs } from "./sweep-logs.ts";

const sweepMs = 3_600_000;

/** Keeps the logs of all Builds, and forgets them when their time is up. */
export function openLogs(
  { common, informers, config }: ControllerKit,
  { podLogs, store }: { readonly podLogs: PodLogs; readonly store: LogStore },
): LogKeeper {
  const { kube, clock, log } = common;
  const keeper = openLogKeeper({
    pods: informers.pods,
    podLogs,
    store,
    clock,
    log,
    secretsOf: (pod) => secretsOf(pod, kube),
    bytesPerStepMax: () => config().logBytesPerStepMax,
  });
  const ending = new AbortController();
  const sweep = async (): Promise<void> => {
    const { logBytesPerNamespaceMax: bytesPerNamespaceMax, logRetentionMs: retentionMs } = config();
    const builds = informers.builds.list();
    const present = new Set(builds.map(({ metadata }) => metadata.uid));
    const running = new Set(builds.filter((build) => !isBuildFinished(build)).map(({ metadata }) => metadata.uid));
    const swept = await sweepLogs(
      store,
      { bytesPerNamespaceMax, retentionMs },
      {
        isThere: ({ buildUid }) => present.has(buildUid),
        isRunning: ({ buildUid }) => running.has(buildUid),
        nowMs: clock.now().getTime(),
      },
    );
    if (swept > 0) log.info({ swept }, "Removed logs of Builds");
  };
  const sweeping = (async () => {
    while (!ending.signal.aborted) {
      await sweep().catch((error: unknown) => log.warn({ err: toError(error) }, "Removing old logs failed"));
      await clock.sleep(sweepMs, ending.signal);
    }
  })();
  return {
    drain: (pod) => keeper.drain(pod),
    async close() {
      ending.abort();
      await Promise.all([keeper.close(), sweeping]);
    },
  };
}

/** @throws Error when they cannot all be read: nothing may be kept that has not been masked. */
async function secretsOf(pod: Pod, kube: ControllerKit["common"]["kube"]): Promise<readonly Secret[]> {
  const { namespace = "" } = keyOf(pod);
  const account = pod.spec?.serviceAccountName ?? serviceAccountDefault;
  const secrets = await readSecrets(kube, { namespace, account });
  if ("fault" in secrets) throw new Error(`the secrets to mask are not known: ${secrets.fault}`);
  return secrets;
}

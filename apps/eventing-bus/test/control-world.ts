import { getCondition, type ConditionedStatus, type KubeObject } from "@kelvin/api";
import { createLogger } from "@kelvin/http-service";
import { systemClock, type Kind } from "@kelvin/kube";
import { openFakeKube } from "@kelvin/testkit";
import { openControl } from "../src/control/app.ts";
import type { BusView } from "../src/control/bus-watch/bus-watch.ts";
import { fakeBuses } from "./fake-buses.ts";

const log = createLogger("test", { level: "silent" });

/** Role `control`, whole, on a Kubernetes in memory and with buses that say what a test has them say. */
export async function openControlWorld(views: Record<string, BusView>) {
  const kube = openFakeKube({});
  const buses = fakeBuses(views);
  const app = await openControl(
    { systemNamespace: "knative-eventing", podName: "ec-1", host: "127.0.0.1", internalPort: 0, admissionPort: 0 },
    { kube, clock: systemClock, log, openBusWatch: () => buses.watch },
  );
  const find = <T extends KubeObject>(kind: Kind<T>, name: string): T | undefined =>
    kube.objects(kind).find(({ metadata }) => metadata.name === name);
  return {
    kube,
    buses,
    find,
    /** Status and reason of its Ready. */
    ready<T extends KubeObject & { status?: ConditionedStatus }>(kind: Kind<T>, name: string): string {
      const { status = "", reason = "" } = getCondition(find(kind, name)?.status, "Ready") ?? {};
      return `${status}/${reason}`;
    },
    /** Waits for a state, not for a time; gives up loudly. */
    async until<R>(look: () => R | undefined | false): Promise<R> {
      for (let tries = 0; tries < 1000; tries += 1) {
        const found = look();
        if (found !== undefined && found !== false) return found;
        await systemClock.sleep(10);
      }
      const written = kube.writes.slice(-5).map(({ after }) => after);
      throw new Error(`never came about: ${look.toString()}\nlast writes: ${JSON.stringify(written, undefined, 1)}`);
    },
    close: () => app.close(),
  };
}

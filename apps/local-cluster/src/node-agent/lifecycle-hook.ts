import { type Clock, sleepOn } from "@kelvin/kube";
import type { ContainerSpec } from "./container-env.ts";
import { checkExec, checkHttp, type ProbeTarget } from "./probe-check.ts";

type Handler = NonNullable<NonNullable<ContainerSpec["lifecycle"]>["preStop"]>;

/** Runs a hook to its end, or until `timeoutMs` or `signal`. Gives the failure's message, if it failed. */
export async function runHook(
  handler: Handler,
  target: ProbeTarget,
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal: AbortSignal },
): Promise<string | undefined> {
  if (handler.sleep !== undefined) {
    await sleepOn(clock, Math.min(handler.sleep.seconds * 1000, timeoutMs), signal);
    return undefined;
  }
  const check =
    handler.exec !== undefined
      ? checkExec(handler.exec.command ?? [], target, timeoutMs)
      : handler.httpGet !== undefined
        ? checkHttp(handler.httpGet, target, timeoutMs)
        : Promise.resolve({ ok: true } as const);
  const result = await Promise.race([check, untilAborted(signal)]);
  return result.ok ? undefined : result.message;
}

function untilAborted(signal: AbortSignal): Promise<{ ok: true }> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve({ ok: true });
    signal.addEventListener("abort", () => resolve({ ok: true }), { once: true });
  });
}

import { existsSync } from "node:fs";
import type { Clock } from "@kelvin/kube";
import { type LogOptions, PodLogError, type PodLogs } from "../api-server/pod-logs.ts";
import { latestRun, logFileOf } from "./log-files.ts";
import { type LogReadOptions, readLog } from "./log-reader.ts";
import type { NodeAgent } from "./node-agent.ts";

/** The output of containers, for `kubectl logs`, read from the files the agent keeps. */
export function makePodLogs(agent: Pick<NodeAgent, "podDirectory" | "worker">, clock: Clock): PodLogs {
  return {
    async *openLog({ namespace, pod, container }, options) {
      const directory = agent.podDirectory(namespace, pod);
      const latest = directory === undefined ? -1 : latestRun(directory, container);
      const file = logFileOf(directory ?? "", container, options.previous === true ? latest - 1 : latest);
      if (directory === undefined || latest < 0 || !existsSync(file)) {
        throw new PodLogError(
          options.previous === true
            ? `previous terminated container "${container}" in pod "${pod}" not found`
            : `container "${container}" in pod "${pod}" is waiting to start: ${waitingReason(agent, { namespace, pod, container })}`,
        );
      }
      const live = agent.worker(namespace, pod)?.container(container)?.log;
      yield* readLog(file, live?.file === file ? live : undefined, readOptionsOf(options, clock));
    },
  };
}

function waitingReason(
  agent: Pick<NodeAgent, "worker">,
  { namespace, pod, container }: { namespace: string; pod: string; container: string },
): string {
  const state = agent.worker(namespace, pod)?.container(container)?.record.state;
  return state?.phase === "waiting" ? state.reason : "ContainerCreating";
}

function readOptionsOf({ sinceSeconds, ...options }: LogOptions, clock: Clock): LogReadOptions {
  return {
    ...options,
    ...(sinceSeconds !== undefined && { sinceMs: clock.now().getTime() - sinceSeconds * 1000 }),
  };
}

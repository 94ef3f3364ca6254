import type { Log } from "@kelvin/controller";
import { keyOf, keyText, openInformer, Pod, type Clock, type KubeClient } from "@kelvin/kube";
import { busLabels, isClusterBusId } from "../../model/names.ts";
import type { BusReport } from "../../model/report.ts";
import { makeBusView, type Replica } from "./bus-view.ts";
import type { BusWatch } from "./bus-watch.ts";
import { podFacts, trimPod, type PodFacts } from "./pod-facts.ts";
import { openReportPoll, type ReportPoll } from "./report-poll.ts";

/** @see openBusWatch */
export interface BusWatchDeps {
  readonly kube: Pick<KubeClient, "list" | "watch">;
  readonly systemNamespace: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Where replicas tell what they serve; default 8090. */
  readonly port?: number;
}

const PORT = 8_090;
/** How long replicas may be silent before nobody waits for them. */
const SILENCE_MS_MAX = 3_000;

/** A Pod of a bus that is not terminating. */
interface Member {
  facts: PodFacts;
  readonly poll: ReportPoll;
  /** The last report of a replica that had seen everything. */
  report: BusReport | undefined;
  isSilent: boolean;
}

/** Finds the replicas of all buses by their Pods, and asks each what it serves, again and again. */
export function openBusWatch(deps: BusWatchDeps): BusWatch {
  const { kube, systemNamespace, log } = deps;
  const listeners = new Set<Parameters<BusWatch["onChange"]>[0]>();
  const pods = openInformer(kube, Pod, {
    // A Bus runs in its own namespace. A third party's Pods have nothing to tell, so they are not asked.
    labelSelector: `${busLabels.kind},${busLabels.role}=${busLabels.dispatcher}`,
    transform: trimPod,
    onError: (error) => log.warn({ error: error.message }, "Watching the Pods of buses failed and is tried again"),
  });
  const members = makeMembers(deps, (uids, buses) => {
    const [uidSet, busSet] = [new Set(uids), new Set(buses)];
    if (uidSet.size + busSet.size === 0) return;
    for (const listener of listeners) listener(uidSet, busSet);
  });
  pods.onChange(({ before, after }) => {
    const pod = after ?? before;
    if (pod === undefined) return;
    members.set(keyText(keyOf(pod)), after === undefined ? undefined : podFacts(after, systemNamespace));
  });
  const heardOnce = async (): Promise<void> => {
    await pods.synced;
    await Promise.all(members.all().map(({ poll }) => poll.heardOrSilent));
  };
  return {
    synced: heardOnce(),
    find(bus) {
      const replicas = members
        .all()
        .filter((member) => member.facts.bus === bus && isJoined(member))
        .map(({ facts, report, isSilent }): Replica => ({ pod: facts.name, report, isSilent }));
      return replicas.length === 0 ? undefined : makeBusView(replicas.sort((a, b) => (a.pod < b.pod ? -1 : 1)));
    },
    names: () =>
      [
        ...new Set(
          members
            .all()
            .filter(isJoined)
            .map(({ facts }) => facts.bus)
            .filter(isClusterBusId),
        ),
      ].sort(),
    onChange(listener) {
      listeners.add(listener);
    },
    async close() {
      await pods.close();
      await members.close();
    },
  };
}

/** Told of the uids, and of the buses, that changed. */
type Tell = (uids: readonly string[], buses: readonly string[]) => void;

interface Members {
  all(): Member[];
  /** What a Pod is now, by its key; undefined: it is gone, or will not serve any more. */
  set(key: string, facts: PodFacts | undefined): void;
  close(): Promise<void>;
}

function makeMembers(deps: BusWatchDeps, tell: Tell): Members {
  const members = new Map<string, Member>();
  const closing = new Set<Promise<void>>();
  const drop = (key: string, member: Member): void => {
    members.delete(key);
    const done = member.poll.close().finally(() => closing.delete(done));
    closing.add(done);
    tell(uidsOf(member.report), isJoined(member) ? [member.facts.bus] : []);
  };
  const add = (key: string, facts: PodFacts): void => {
    members.set(key, openMember(facts, deps, tell));
    if (facts.isReady) tell([], [facts.bus]);
  };
  return {
    all: () => [...members.values()],
    set(key, facts) {
      const member = members.get(key);
      const isSame = member !== undefined && isSameReplica(member.facts, facts);
      if (member !== undefined && !isSame) drop(key, member);
      if (facts === undefined) return;
      if (member === undefined || !isSame) return add(key, facts);
      const wasJoined = isJoined(member);
      member.facts = facts;
      if (isJoined(member) !== wasJoined) tell([], [facts.bus]);
    },
    async close() {
      for (const [key, member] of members) drop(key, member);
      await Promise.all(closing);
    },
  };
}

function isSameReplica(one: PodFacts, other: PodFacts | undefined): boolean {
  return one.address === other?.address && one.bus === other.bus;
}

function openMember(facts: PodFacts, { clock, log, port = PORT }: BusWatchDeps, tell: Tell): Member {
  const { name: pod, bus } = facts;
  const poll = openReportPoll({
    address: `${facts.address}:${port}`,
    clock,
    silenceMsMax: SILENCE_MS_MAX,
    onReport(report) {
      // One that was started again serves nothing yet and takes no events; until it does, what it said before counts.
      if (!report.synced || report.bus !== bus) return;
      const before = member.report;
      const isOther = before === undefined || before.trouble?.reason !== report.trouble?.reason || member.isSilent;
      member.report = report;
      member.isSilent = false;
      tell(changedUids(before, report), isOther ? [bus] : []);
    },
    onSilent(reason) {
      log.warn({ pod, bus, reason }, "A replica does not tell what it serves");
      member.isSilent = true;
      tell([], [bus]);
    },
  });
  const member: Member = { facts, poll, report: undefined, isSilent: false };
  return member;
}

/** A replica that has not seen everything yet takes no events and reads none: nobody waits for it. */
function isJoined({ report, facts }: Member): boolean {
  return report !== undefined || facts.isReady;
}

function uidsOf(report: BusReport | undefined): string[] {
  return report === undefined ? [] : [...Object.keys(report.streams), ...Object.keys(report.consumers)];
}

function changedUids(before: BusReport | undefined, after: BusReport): string[] {
  const uids = new Set([...uidsOf(before), ...uidsOf(after)]);
  return [...uids].filter(
    (uid) =>
      JSON.stringify(before?.streams[uid]) !== JSON.stringify(after.streams[uid]) ||
      JSON.stringify(before?.consumers[uid]) !== JSON.stringify(after.consumers[uid]),
  );
}

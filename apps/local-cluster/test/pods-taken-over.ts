// A node agent that dies under load, again and again, and another one that goes on. What it still writes when it dies is
// lost: so the API says of every Pod something that was true a while ago. Started by pods-taken-over.test.ts; prints what it
// saw as one line of JSON.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Pod } from "@kelvin/kube";
import { openBareNode } from "./bare-node.ts";
import { hasEnded, keyOf, makeShellPod, podWhen, tell, until } from "./cluster.ts";

const [dataDir = ""] = process.argv.slice(2);
const PODS = 6;
const DEATHS = 8;
const node = await openBareNode(dataDir);
const { kube } = node;

type Status = NonNullable<Pod["status"]>;
const firstOf = ({ status }: Pod): NonNullable<Status["containerStatuses"]>[number] | undefined =>
  status?.containerStatuses?.[0];

/** Counts, ten times a second, so that a gap or a second run shows; ready as long as its file is there. */
function makeCounter(name: string): Pod {
  const script = "touch /data/ready; i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done";
  const readinessProbe = { exec: { command: ["cat", "/data/ready"] }, periodSeconds: 1, failureThreshold: 1 };
  const volumeMounts = [{ name: "data", mountPath: "/data" }];
  return makeShellPod(
    name,
    { main: { script, readinessProbe, volumeMounts } },
    { restartPolicy: "Always", volumes: [{ name: "data", emptyDir: {} }] },
  );
}

const seenUnready = new Set<string>();
let watched = true;
async function watchReadiness(): Promise<void> {
  while (watched) {
    // oxlint-disable-next-line no-await-in-loop -- one look after another is the purpose
    for (const pod of (await kube.list(Pod)).items) {
      const main = firstOf(pod);
      if (pod.metadata.name?.startsWith("counter") === true && main?.ready === false)
        seenUnready.add(pod.metadata.name);
    }
    // oxlint-disable-next-line no-await-in-loop -- as above
    await pause(10);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const names = Array.from({ length: PODS }, (_, index) => `counter-${index}`);
await Promise.all(names.map((name) => kube.create(Pod, makeCounter(name))));
await Promise.all(names.map((name) => podWhen(kube, name, (pod) => firstOf(pod)?.ready === true)));
const before = new Map((await kube.list(Pod)).items.map((pod) => [pod.metadata.name, firstOf(pod)?.containerID]));
const watching = watchReadiness();

// Load: Pods that begin and end all the while, each with an exit code of its own.
const ended: Promise<Pod>[] = [];
for (let death = 0; death < DEATHS; death += 1) {
  for (let index = 0; index < 3; index += 1) {
    const name = `short-${death}-${index}`;
    const code = 10 + death * 3 + index;
    // oxlint-disable-next-line no-await-in-loop -- in order
    await kube.create(
      Pod,
      makeShellPod(name, { main: `sleep 0.${index}; echo -n ${code} > /dev/termination-log; exit ${code}` }),
    );
    ended.push(podWhen(kube, name, hasEnded));
  }
  // At another point of their lives each time.
  // oxlint-disable-next-line no-await-in-loop -- in order
  await pause(15 + death * 40);
  // oxlint-disable-next-line no-await-in-loop -- in order
  await node.killAgent({ awayMs: 120 });
}
const shorts = await Promise.all(ended);

// One ends while nobody is there to see it, and one is deleted then.
const [victim = "", deleted = ""] = names;
await node.killAgent({
  awayMs: 300,
  async meanwhile() {
    await kube.delete(Pod, keyOf(deleted));
    killContainer(await kube.get(Pod, keyOf(victim)));
  },
});
const restarted = await podWhen(
  kube,
  victim,
  (pod) => firstOf(pod)?.restartCount === 1 && firstOf(pod)?.ready === true,
);
await until(async () => ((await kube.find(Pod, keyOf(deleted))) === undefined ? true : undefined));
watched = false;
await watching;
const others = names.slice(2);
const after = await Promise.all(others.map((name) => kube.get(Pod, keyOf(name))));
const logs = after.map((pod) => numbersIn(pod));
await node.close();
tell({
  sameContainers: after.every((pod) => firstOf(pod)?.containerID === before.get(pod.metadata.name)),
  restarts: after.map((pod) => firstOf(pod)?.restartCount),
  wentUnready: [...seenUnready].filter((name) => others.includes(name)),
  gaps: logs.filter((numbers) => numbers.some((number, index) => number !== index)).length,
  lines: logs.every((numbers) => numbers.length > 10),
  codes: shorts.map((pod) => [firstOf(pod)?.state?.terminated?.exitCode, firstOf(pod)?.state?.terminated?.message]),
  shortRestarts: shorts.reduce((sum, pod) => sum + (firstOf(pod)?.restartCount ?? 0), 0),
  lastCode: firstOf(restarted)?.lastState?.terminated?.exitCode,
});

function numbersIn(pod: Pod): number[] {
  const text = readFileSync(join(dataDir, "pods", pod.metadata.uid ?? "", "main", "0.log"), "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => Number(line.split(" ").at(-1)));
}

function killContainer(pod: Pod): void {
  process.kill(node.pidOf(pod.metadata.uid ?? "", "main"), "SIGKILL");
}

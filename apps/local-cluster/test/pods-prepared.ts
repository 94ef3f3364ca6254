// Init containers that are set apart before their turn, on a node without a cluster. Started by pods-prepared.test.ts; prints
// what it saw as one line of JSON.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigMap, Pod } from "@kelvin/kube";
import { openBareNode } from "./bare-node.ts";
import { hasEnded, keyOf, makeShellPod, podWhen, tell, until } from "./cluster.ts";

const [dataDir = ""] = process.argv.slice(2);
const node = await openBareNode(dataDir);
const { kube } = node;

type Container = NonNullable<Pod["spec"]>["containers"][number];
type Mounts = NonNullable<Container["volumeMounts"]>;

const shared: Mounts = [{ name: "shared", mountPath: "/shared" }];

/** The first looks at the volume, and goes on when it is told; what it sees and the second says are their last words. */
function makePod(name: string, second: Partial<Container>): Pod {
  const shell = (script: string): Container => ({
    name: "",
    image: "dev.local/echo",
    command: ["/bin/sh", "-c", script],
    volumeMounts: shared,
  });
  const wait = "while [ ! -e /shared/go ]; do sleep 0.02; done; ls -A /shared | tr '\\n' ' ' > /dev/termination-log";
  return makeShellPod(
    name,
    { main: "true" },
    {
      terminationGracePeriodSeconds: 0,
      volumes: ["shared", "inner"].map((volume) => ({ name: volume, emptyDir: {} })),
      initContainers: [
        { ...shell(wait), name: "first" },
        { ...shell("echo -n $COLOR $(pwd) $$$$ > /dev/termination-log"), name: "second", ...second },
      ],
    },
  );
}

/** Processes that are set apart and wait. */
function waiters(): number[] {
  const pids = readdirSync("/proc").filter((file) => /^\d+$/.test(file));
  return pids.map(Number).filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("\nread -r _ <&3");
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}

const oneWaiter = (): Promise<number> => until(() => waiters()[0]);
const noWaiter = (): Promise<true> => until(() => (waiters().length === 0 ? true : undefined));

async function create(pod: Pod): Promise<{ goOn: () => void }> {
  const created = await kube.create(Pod, pod);
  const volume = join(dataDir, "pods", created.metadata.uid ?? "", "volumes", "shared");
  await podWhen(kube, pod.metadata.name ?? "", ({ status }) => {
    const [first] = status?.initContainerStatuses ?? [];
    return first?.state?.running !== undefined;
  });
  return { goOn: () => writeFileSync(join(volume, "go"), "") };
}

async function wordsOf(name: string): Promise<(string | undefined)[]> {
  const { status } = await podWhen(kube, name, hasEnded);
  return (status?.initContainerStatuses ?? []).map(({ state }) => state?.terminated?.message?.trim());
}

const env = [{ name: "COLOR", valueFrom: { configMapKeyRef: { name: "settings", key: "color" } } }];
const settings = { metadata: { name: "settings", namespace: "default" } };
await kube.create(ConfigMap, { ...settings, data: { color: "red" } } as ConfigMap);

async function becomesTheApp(): Promise<object> {
  const { goOn } = await create(makePod("becomes", { env, workingDir: "/shared" }));
  const pid = await oneWaiter();
  goOn();
  const [first, second] = await wordsOf("becomes");
  return { first, second: second?.replace(String(pid), "the one that waited") };
}

async function isMadeAnew(): Promise<object> {
  const { goOn } = await create(makePod("anew", { env }));
  const pid = await oneWaiter();
  await kube.patch(ConfigMap, keyOf("settings"), { type: "merge", body: { data: { color: "blue" } } });
  goOn();
  const [, second = ""] = await wordsOf("anew");
  return { color: second.split(" ")[0], isAnother: !second.endsWith(` ${pid}`), isLeft: existsSync(`/proc/${pid}`) };
}

/** One that is not prepared cannot be waited for: one that is, is there by the time that the next Pod's is. */
async function leavesVolumesAlone(): Promise<object> {
  const inner = { name: "inner", mountPath: "/shared/inner" };
  const pods = {
    mount: { volumeMounts: [...shared, inner] },
    path: { volumeMounts: [{ name: "shared", mountPath: "/part", subPath: "part" }] },
    begin: { volumeMounts: shared, workingDir: "/shared/begin" },
  };
  const created = await Promise.all(
    Object.entries(pods).map(([name, second]) => create(makePod(name, { ...second, command: ["true"] }))),
  );
  const after = await create(makePod("after", { command: ["true"] }));
  await oneWaiter();
  for (const { goOn } of [...created, after]) goOn();
  const seen = await Promise.all(Object.keys(pods).map(async (name) => [name, (await wordsOf(name))[0]]));
  await wordsOf("after");
  return Object.fromEntries(seen) as object;
}

async function goesWithItsPod(): Promise<boolean> {
  await create(makePod("deleted", {}));
  await oneWaiter();
  await kube.delete(Pod, keyOf("deleted"));
  await until(async () => ((await kube.find(Pod, keyOf("deleted"))) === undefined ? true : undefined));
  return noWaiter();
}

async function goesWithItsAgent(): Promise<object> {
  const { goOn } = await create(makePod("taken-over", { env }));
  const pid = await oneWaiter();
  await node.killAgent({ awayMs: 0 });
  const isLeft = existsSync(`/proc/${pid}`);
  const next = await oneWaiter();
  goOn();
  const [first, second] = await wordsOf("taken-over");
  return { isLeft, first, isNext: second?.endsWith(` ${next}`) };
}

/** What cannot be prepared is told when its turn comes, and not before. */
async function failsInItsTurn(): Promise<object> {
  const { goOn } = await create(makePod("fails", { image: "dev.local/nowhere" }));
  const before = await kube.get(Pod, keyOf("fails"));
  goOn();
  const reasonOf = (pod: Pod): string | undefined => pod.status?.initContainerStatuses?.[1]?.state?.waiting?.reason;
  const after = await podWhen(kube, "fails", (pod) => reasonOf(pod)?.includes("Pull") === true);
  return { before: reasonOf(before), after: reasonOf(after)?.replace("ImagePullBackOff", "ErrImagePull") };
}

const app = await becomesTheApp();
const anew = await isMadeAnew();
const volumes = await leavesVolumesAlone();
const isGone = await goesWithItsPod();
const agent = await goesWithItsAgent();
const failure = await failsInItsTurn();
const isNoneLeft = await noWaiter();
await node.close();
tell({ app, anew, volumes, isGone, agent, failure, isNoneLeft });

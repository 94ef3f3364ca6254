// Containers as OCI bundles, by the real runc, on a whole local cluster. Started by pods-oci.test.ts; prints what it saw as
// one line of JSON: `die` ends in the middle, by SIGKILL, and with it all that it runs; `live` goes on after that; `bare` has a
// node without a cluster.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CoreEvent, Pod } from "@kelvin/kube";
import { makePodExec } from "../src/node-agent/pod-exec.ts";
import type { ContainerProcess } from "../src/node-agent/launch.ts";
import { type BareNode, openBareNode } from "./bare-node.ts";
import { keyOf, makeShellPod, openTestCluster, podWhen, runPod, tell, until } from "./cluster.ts";

const [dataDir = "", mode = "", hasCgroups = ""] = process.argv.slice(2);
const imagesDir = join(dataDir, "images");
const image = "dev.local/tools";
const GROUP_DEPTH_MAX = 6;
const stateDirectory = join(dataDir, "run", "oci", "state");

type Container = NonNullable<Pod["spec"]>["containers"][number];

function make(name: string, container: Partial<Container> & { script: string }): Pod {
  return makeShellPod(name, { main: { image, ...container } });
}

/** Goes on until it is told to end. */
const WAIT = "trap 'exit 0' TERM; touch /tmp/here; while :; do sleep 0.05; done";
const readinessProbe = { exec: { command: ["ls", "/tmp/here"] }, periodSeconds: 1 };

if (mode === "die") await die();
tell(await (mode === "bare" ? onBareNode() : onCluster()));

async function die(): Promise<never> {
  const { kube } = await openTestCluster({ dataDir, imagesDir });
  await kube.create(Pod, make("left", { script: WAIT, readinessProbe }));
  await podWhen(kube, "left", (pod) => firstOf(pod)?.ready === true);
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => undefined);
}

async function onCluster(): Promise<object> {
  // Its processes ended with the former life, and the tool's files were in memory. The kernel's groups are still there.
  const [left = ""] = readdirSync(join(dataDir, "pods"));
  const hadGroups = groupsOf(left).length > 0;
  const { kube, app, close } = await openTestCluster({ dataDir, imagesDir });
  const leftBehind = { hadGroups, groups: groupsOf(left) };

  async function ended(pod: Pod): Promise<string> {
    const { status } = await runPod(kube, pod);
    const { exitCode, reason, message = "" } = status?.containerStatuses?.[0]?.state?.terminated ?? {};
    return `${exitCode} ${reason} ${message.trim()}`;
  }

  const inside = await ended(
    make("inside", {
      script: `{ echo $$$$; for each in /proc/[0-9]*; do :; done; echo \${each#/proc/}
ls /dev; cat /proc/sys/kernel/hostname; cat /proc/self/status | while read a b; do case $a in CapEff:) echo $b;; esac; done
touch /proc/sysrq-trigger 2>/dev/null || echo closed; cat /proc/kcore; ls /sys | while read a; do echo sys; break; done
touch /sys/x 2>/dev/null || echo read-only; } > /dev/termination-log`,
    }),
  );
  const memory =
    hasCgroups === "true"
      ? await ended(
          make("memory", {
            script: "a=0123456789abcdef; while :; do a=$a$a; done",
            resources: { limits: { memory: "64Mi" } },
          }),
        )
      : "not tried";
  // What is told of a choice that nobody made.
  const chosen = await until(async () =>
    (await kube.list(CoreEvent, { namespace: "default" })).items.find(
      ({ reason, involvedObject }) => reason === "RuntimeChosen" && involvedObject.name === "inside",
    ),
  );
  // It does not listen to SIGTERM: as process 1 it has to say that it does.
  await kube.create(Pod, {
    ...makeShellPod(
      "deaf",
      { main: { image, script: "touch /tmp/here; while :; do sleep 1; done", readinessProbe } },
      { terminationGracePeriodSeconds: 1 },
    ),
    metadata: { name: "deaf", namespace: "default", finalizers: ["kelvin.dev/test"] },
  });
  // Until its program runs process 1 is runc's, which ends by SIGTERM as it likes.
  await podWhen(kube, "deaf", (pod) => firstOf(pod)?.ready === true);
  await app.restartNodeAgent();
  await kube.delete(Pod, keyOf("deaf"));
  const deafEnd = await podWhen(kube, "deaf", ({ status }) => status?.phase === "Failed");
  await kube.patch(Pod, keyOf("deaf"), { type: "merge", body: { metadata: { finalizers: null } } });
  const deaf = firstOf(deafEnd)?.state?.terminated?.exitCode;
  const notLeft = await until(() => (entriesOf(stateDirectory).length === 0 ? "nothing" : undefined));
  await close();
  return { leftBehind, inside, memory, chosen: chosen.message, deaf, notLeft };
}

/** Where processes can be got at. */
async function onBareNode(): Promise<object> {
  const node = await openBareNode(join(dataDir, "bare"), imagesDir);
  const { kube } = node;
  await kube.create(Pod, make("watched", { script: `echo first; ${WAIT}`, readinessProbe }));
  const begun = await podWhen(kube, "watched", (pod) => firstOf(pod)?.ready === true);
  const uid = begun.metadata.uid ?? "";
  const firstContainer = firstOf(begun)?.containerID;
  await node.killAgent({ awayMs: 50 });
  const adopted = await until(() => node.processOf(uid, "main"));
  const exec = makePodExec({ worker: () => ({ container: () => ({ target: targetFor(adopted) }) }) as never });
  const name = { namespace: "default", pod: "watched", container: "main" };
  const asked = { command: ["sh", "-c", "echo seen; echo $$; exit 7"], hasStdin: false, isTerminal: false };
  const session = await exec.openExec(name, asked);
  const said = await textOf(session.stdout);
  const exitCode = await session.exited;

  const terminals = [await terminalIn(adopted), await terminalIn(await startInSandbox(node))];

  // What is given up ends, in whatever session the runtime has put it.
  const long = await exec.openExec(name, { ...asked, command: ["sleep", "4711"] });
  await until(() => (sleepers().length > 0 ? true : undefined));
  long.kill();
  await until(() => (sleepers().length === 0 ? true : undefined));

  // Who watches is killed: its app does not go on without it, and is begun anew elsewhere.
  const app = Number(readFileSync(join(dataDir, "bare", "pods", uid, "scratch", "main", "bundle", "pid"), "utf8"));
  process.kill(node.pidOf(uid, "main"), "SIGKILL");
  const over = await podWhen(kube, "watched", (pod) => pod.status?.phase === "Failed");
  const isAppGone = await until(() => (isAlive(app) ? undefined : true));
  const log = readFileSync(join(dataDir, "bare", "pods", uid, "main", "0.log"), "utf8");
  await node.close();
  const end = firstOf(over)?.state?.terminated;
  return {
    sameContainer: end?.containerID === firstContainer,
    terminals,
    exec: { said: said.split("\n")[0], isOther: said.split("\n")[1] !== "1", exitCode },
    watcher: { code: end?.exitCode, isAppGone },
    log: log.trim().split(" ").at(-1),
  };
}

async function startInSandbox({ kube, processOf }: BareNode): Promise<ContainerProcess> {
  const pod = make("sandboxed", { script: WAIT, readinessProbe });
  await kube.create(Pod, { ...pod, metadata: { ...pod.metadata, annotations: { "kelvin.dev/runtime": "sandbox" } } });
  const begun = await podWhen(kube, "sandboxed", (found) => firstOf(found)?.ready === true);
  return until(() => processOf(begun.metadata.uid ?? "", "main"));
}

/** Which terminal a command has inside, and what it hears of the window's size. */
async function terminalIn(process: ContainerProcess): Promise<string> {
  const exec = makePodExec({ worker: () => ({ container: () => ({ target: targetFor(process) }) }) as never });
  const script = 'until [ "$(stty size)" = "33 77" ]; do sleep 0.05; done; echo "$(tty) $(stty size)"';
  const session = await exec.openExec(
    { namespace: "default", pod: "any", container: "main" },
    { command: ["sh", "-c", script], hasStdin: true, isTerminal: true },
  );
  await session.resize({ columns: 77, rows: 33 });
  return (await textOf(session.stdout)).trim();
}

function firstOf({ status }: Pod): NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number] | undefined {
  return status?.containerStatuses?.[0];
}

function targetFor(process: ContainerProcess): object {
  return { begun: () => process.begun(), enter: (hasTerminal: boolean) => process.enter(hasTerminal), env: {} };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk.toString("utf8");
  return text;
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // Nothing has been made yet, or all is gone.
    return [];
  }
}

/** Control groups of a Pod, wherever they are. */
function groupsOf(uid: string, directory = "/sys/fs/cgroup", depth = 0): string[] {
  const directories = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return directories.flatMap(({ name }) => {
    const path = join(directory, name);
    if (name.startsWith(uid)) return [path];
    return depth > GROUP_DEPTH_MAX ? [] : groupsOf(uid, path, depth + 1);
  });
}

function sleepers(): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8") === "sleep\u00004711\u0000";
    } catch {
      // Not a process, or one that has ended.
      return false;
    }
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // No such process.
    return false;
  }
}

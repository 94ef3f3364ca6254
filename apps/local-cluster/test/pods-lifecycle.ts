// How Pods begin and end on a whole local cluster. Started by pods-lifecycle.test.ts; prints what it saw as one line of JSON.
import { ConfigMap, CoreEvent, Pod, Secret } from "@kelvin/kube";
import { hasEnded, keyOf, makeShellPod, openTestCluster, podWhen, runPod, tell, until } from "./cluster.ts";

const [dataDir = ""] = process.argv.slice(2);
const { kube, close } = await openTestCluster({ dataDir });

type Status = NonNullable<Pod["status"]>;

function terminations(status: Status | undefined): Record<string, unknown> {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return Object.fromEntries(
    all.map(({ name, state }) => {
      const { exitCode, reason, message } = state?.terminated ?? {};
      return [name, [exitCode, reason, ...(message === undefined ? [] : [message.trim()])].join(" ")];
    }),
  );
}

function endOf({ status }: Pod): object {
  const { phase, reason, message } = status ?? {};
  return { phase, reason, message, containers: terminations(status) };
}

const shared = { volumes: [{ name: "shared", emptyDir: {} }] };
const mount = { volumeMounts: [{ name: "shared", mountPath: "/shared" }] };

async function initInOrder(): Promise<object> {
  const init = (name: string, script: string, more: object = {}): NonNullable<Pod["spec"]>["containers"][number] => ({
    name,
    image: "dev.local/echo",
    command: ["/bin/sh", "-c", script],
    ...mount,
    ...more,
  });
  const pod = makeShellPod(
    "init",
    { main: { script: "cat /shared/order > /dev/termination-log; test ! -e /shared/sidecar-ended", ...mount } },
    {
      ...shared,
      initContainers: [
        init("one", "sleep 0.2; echo -n one, >> /shared/order"),
        init(
          "sidecar",
          "echo -n sidecar, >> /shared/order; trap 'touch /shared/sidecar-ended; exit 0' TERM; sleep 60 & wait",
          {
            restartPolicy: "Always",
            startupProbe: { exec: { command: ["grep", "-q", "sidecar", "/shared/order"] } },
          },
        ),
        init("two", "echo -n two >> /shared/order"),
      ],
    },
  );
  return endOf(await runPod(kube, pod));
}

async function failedInit(): Promise<object> {
  const command = ["/bin/sh", "-c", "echo no source; exit 3"];
  const initContainers = [
    { name: "step", image: "dev.local/echo", command, terminationMessagePolicy: "FallbackToLogsOnError" as const },
  ];
  return endOf(await runPod(kube, makeShellPod("failed-init", { main: "true" }, { initContainers })));
}

async function postStartHolds(): Promise<object> {
  const hook = { exec: { command: ["/bin/sh", "-c", "sleep 0.4; touch /shared/hook"] } };
  const pod = makeShellPod(
    "post-start",
    {
      first: { script: "sleep 1", ...mount, lifecycle: { postStart: hook } },
      second: { script: "test -e /shared/hook", ...mount },
    },
    shared,
  );
  return endOf(await runPod(kube, pod));
}

async function preStopKinds(): Promise<object> {
  const wait = "trap 'echo -n ended > /dev/termination-log; exit 0' TERM; sleep 60 & wait";
  const lifecycle = (preStop: object): object => ({ lifecycle: { preStop } });
  const serve = { image: "dev.local/echo", ports: [{ name: "web", containerPort: 8080 }] };
  const pod = makeShellPod(
    "pre-stop",
    {
      exec: { script: wait, ...mount, ...lifecycle({ exec: { command: ["touch", "/shared/exec-hook"] } }) },
      sleep: { script: wait, ...lifecycle({ sleep: { seconds: 1 } }) },
      http: { ...serve, ...lifecycle({ httpGet: { port: "web" } }) },
      // It sees what the hook left, for it goes on until after that.
      watcher: {
        script:
          "trap 'sleep 0.5; test -e /shared/exec-hook && echo -n seen > /dev/termination-log; exit 0' TERM; sleep 60 & wait",
        ...mount,
      },
    },
    { ...shared, terminationGracePeriodSeconds: 10 },
  );
  // Its end is told in its status only if something holds the object.
  await kube.create(Pod, { ...pod, metadata: { ...pod.metadata, finalizers: ["kelvin.dev/test"] } });
  await podWhen(kube, "pre-stop", ({ status }) => status?.phase === "Running");
  await kube.delete(Pod, keyOf("pre-stop"));
  const ended = await podWhen(kube, "pre-stop", hasEnded);
  await kube.patch(Pod, keyOf("pre-stop"), { type: "merge", body: { metadata: { finalizers: null } } });
  return terminations(ended.status);
}

async function deadline(): Promise<object> {
  const pod = makeShellPod(
    "deadline",
    { main: "exec sleep 60" },
    { activeDeadlineSeconds: 1, restartPolicy: "Always" },
  );
  return endOf(await runPod(kube, pod));
}

async function filledDisk(): Promise<object> {
  const volumes = [{ name: "shared", emptyDir: { sizeLimit: "1Mi" } }];
  const script = "head -c 3000000 /dev/zero > /shared/much; exec sleep 60";
  const pod = makeShellPod("filled", { main: { script, ...mount } }, { volumes, restartPolicy: "Always" });
  const ended = await runPod(kube, pod);
  const event = await until(async () =>
    (await kube.list(CoreEvent, { namespace: "default" })).items.find(({ reason }) => reason === "Evicted"),
  );
  return { ...endOf(ended), event: event.type };
}

async function environment(): Promise<string | undefined> {
  const data = { COLOR: "red", "not a name": "left out" };
  await kube.create(ConfigMap, { metadata: { name: "settings", namespace: "default" }, data } as ConfigMap);
  const secret = { word: Buffer.from("hush").toString("base64") };
  await kube.create(Secret, { metadata: { name: "secrets", namespace: "default" }, data: secret } as Secret);
  const env = [
    { name: "WORD", valueFrom: { secretKeyRef: { name: "secrets", key: "word" } } },
    { name: "MEMORY", valueFrom: { resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } } },
    { name: "LABEL", valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
    { name: "ALL", value: "$(MY_COLOR) $(WORD) $(MEMORY) $(LABEL) $$(WORD) $(MISSING)" },
  ];
  const resources = { limits: { memory: "64Mi" } };
  const envFrom = [{ prefix: "MY_", configMapRef: { name: "settings" } }];
  const script = 'echo -n "$ALL" > /dev/termination-log';
  const pod = makeShellPod("environment", { main: { script, env, envFrom, resources } });
  const labelled = { ...pod, metadata: { ...pod.metadata, labels: { app: "x" } } };
  return (await runPod(kube, labelled)).status?.containerStatuses?.[0]?.state?.terminated?.message;
}

async function resolver(): Promise<string | undefined> {
  const dnsConfig = { nameservers: ["192.0.2.1"], searches: ["shop.example"] };
  const pod = makeShellPod(
    "resolver",
    { main: "grep -h -e name -e search -e old /etc/resolv.conf /etc/hosts > /dev/termination-log" },
    { dnsPolicy: "None", dnsConfig, hostAliases: [{ ip: "10.1.2.3", hostnames: ["old"] }] },
  );
  return (await runPod(kube, pod)).status?.containerStatuses?.[0]?.state?.terminated?.message;
}

async function restarts(): Promise<object> {
  const pod = makeShellPod("restarts", { main: "exit 5" }, { restartPolicy: "OnFailure" });
  await kube.create(Pod, pod);
  const waiting = await podWhen(kube, "restarts", ({ status }) => {
    const [main] = status?.containerStatuses ?? [];
    return main?.restartCount === 1 && main.state?.waiting?.reason === "CrashLoopBackOff";
  });
  const [main] = waiting.status?.containerStatuses ?? [];
  return { last: main?.lastState?.terminated?.exitCode, phase: waiting.status?.phase };
}

const [init, failed, hold, stop, late, full, variables, names, again] = await Promise.all([
  initInOrder(),
  failedInit(),
  postStartHolds(),
  preStopKinds(),
  deadline(),
  filledDisk(),
  environment(),
  resolver(),
  restarts(),
]);
await close();
tell({ init, failed, hold, stop, late, full, variables, names, again });

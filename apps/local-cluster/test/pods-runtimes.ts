// Containers in each runtime that this machine has, on a whole local cluster. Started by pods-runtimes.test.ts; prints what
// it saw as one line of JSON.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CoreEvent, Node, Pod } from "@kelvin/kube";
import { keyOf, makeShellPod, openTestCluster, podWhen, runPod, tell, until } from "./cluster.ts";
import { makeUnpackedImage } from "./unpacked-image.ts";

const [dataDir = "", runtime = "", hasCgroups = ""] = process.argv.slice(2);
const imagesDir = join(dataDir, "images");
const programs = ["/bin/sh", "/bin/cat", "/usr/bin/id", "/bin/ls", "/bin/sleep", "/usr/bin/touch"];
makeUnpackedImage(join(imagesDir, "tools"), programs, {
  Entrypoint: ["/bin/sh", "-c"],
  Cmd: ["echo -n $GREETING from $PWD as $(id -u):$(id -g) with $(id -G), home $HOME > /dev/termination-log"],
  Env: ["GREETING=hello", "PATH=/bin:/usr/bin"],
  WorkingDir: "/srv/new",
  User: "web",
});
const { kube, close } = await openTestCluster({ dataDir, imagesDir });

type Container = NonNullable<Pod["spec"]>["containers"][number];
type Spec = Partial<NonNullable<Pod["spec"]>>;
const image = "dev.local/tools";
const annotations = { "kelvin.dev/runtime": runtime };

function make(name: string, container: Partial<Container> & { script?: string }, spec: Spec = {}): Pod {
  const pod = makeShellPod(name, { main: { image, ...container } }, spec);
  const isUnpacked = (container.image ?? image) === image;
  return { ...pod, metadata: { ...pod.metadata, ...(isUnpacked && { annotations }) } };
}

async function lastWords(pod: Pod): Promise<string> {
  const { status } = await runPod(kube, pod);
  const { exitCode, reason, message = "" } = status?.containerStatuses?.[0]?.state?.terminated ?? {};
  return `${exitCode} ${reason} ${message.trim()}`;
}

const write = (text: string): string => `{ ${text}; } > /dev/termination-log 2>&1`;
const emptyDir = { volumes: [{ name: "data", emptyDir: {} }] };
const dataMount = (mountPath: string): Partial<Container> => ({ volumeMounts: [{ name: "data", mountPath }] });

async function refusal(pod: Pod): Promise<string> {
  const name = pod.metadata.name ?? "";
  await kube.create(Pod, pod);
  const waiting = await podWhen(kube, name, ({ status }) =>
    (status?.containerStatuses?.[0]?.state?.waiting?.reason ?? "").endsWith("Error"),
  );
  const { reason, message } = waiting.status?.containerStatuses?.[0]?.state?.waiting ?? {};
  await until(async () =>
    (await kube.list(CoreEvent, { namespace: "default" })).items.find(
      (event) => event.involvedObject.name === name && event.message?.includes(message ?? "-"),
    ),
  );
  return `${reason}: ${message}`;
}

/** A container that runs on, asked from outside. */
async function served(): Promise<object> {
  const pod = make(
    "served",
    {
      script:
        "trap 'echo -n stopped > /dev/termination-log; exit 7' TERM; touch /tmp/here; while :; do sleep 0.05; done",
      readinessProbe: { exec: { command: ["ls", "/tmp/here"] }, periodSeconds: 1 },
    },
    { terminationGracePeriodSeconds: 10 },
  );
  await kube.create(Pod, { ...pod, metadata: { ...pod.metadata, finalizers: ["kelvin.dev/test"] } });
  await podWhen(kube, "served", ({ status }) => status?.containerStatuses?.[0]?.ready === true);
  await kube.delete(Pod, keyOf("served"));
  const ended = await podWhen(kube, "served", ({ status }) => status?.phase === "Failed");
  await kube.patch(Pod, keyOf("served"), { type: "merge", body: { metadata: { finalizers: null } } });
  const { exitCode, message } = ended.status?.containerStatuses?.[0]?.state?.terminated ?? {};
  return { exitCode, message };
}

const steps: Record<string, () => Promise<unknown>> = {
  preset: () => lastWords(make("preset", {})),
  args: () => lastWords(make("args", { args: [write("echo $GREETING $WHO")], env: [{ name: "WHO", value: "you" }] })),
  root: () =>
    lastWords(
      make("root", {
        script: write("ls -d /home /usr/lib/node_modules; cat /etc/hostname; echo /bin/*"),
        securityContext: { runAsUser: 0 },
      }),
    ),
  writable: () =>
    lastWords(make("writable", { script: write("touch /etc/new && echo written"), securityContext: { runAsUser: 0 } })),
  readOnly: () =>
    lastWords(
      make(
        "read-only",
        {
          script: write("touch /etc/new; touch /tmp/x; touch /data/x && echo volume"),
          securityContext: { readOnlyRootFilesystem: true, runAsUser: 0 },
          ...dataMount("/data"),
        },
        emptyDir,
      ),
    ),
  volume: () =>
    lastWords(
      make(
        "volume",
        {
          script: write("cd /var/run/deep/er && touch x && ls /run/deep/er && ls -nd ."),
          ...dataMount("/var/run/deep/er"),
        },
        {
          ...emptyDir,
          securityContext: { runAsUser: 5000, runAsGroup: 5001, fsGroup: 5002, supplementalGroups: [5003] },
        },
      ),
    ),
  user: () =>
    lastWords(
      make(
        "user",
        {
          script: write(
            "id -u; id -g; id -G; cat /proc/self/status | while read a b; do case $a in CapEff:|CapBnd:|NoNewPrivs:) echo $a$b;; esac; done",
          ),
          securityContext: { capabilities: { drop: ["ALL"] }, allowPrivilegeEscalation: false },
        },
        {
          securityContext: { runAsUser: 5000, runAsGroup: 5001, fsGroup: 5002, supplementalGroups: [5003] },
        },
      ),
    ),
  missing: () => lastWords(make("missing", { command: ["no-such-program"] })),
  served,
  nonRoot: () => refusal(make("non-root", { securityContext: { runAsNonRoot: true } })),
  privileged: () => refusal(make("privileged", { securityContext: { privileged: true } })),
  local: () =>
    lastWords(
      make(
        "local",
        {
          image: "dev.local/local",
          script: write(
            "id -u; id -G; cat /proc/self/status | while read a b; do case $a in CapEff:) echo $b;; esac; done; touch /etc/new /data/x",
          ),
          securityContext: {
            runAsUser: 5000,
            runAsGroup: 5001,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] },
          },
          ...dataMount("/data"),
        },
        emptyDir,
      ),
    ),
  // It takes more and more until the kernel ends it.
  memory: async () =>
    hasCgroups !== "true"
      ? "not tried"
      : lastWords(
          make("memory", {
            image: "dev.local/local",
            command: ["node", "-e", "const all = []; for (;;) all.push(Buffer.alloc(4e6, 1))"],
            resources: { limits: { memory: "96Mi", cpu: "500m" } },
          }),
        ),
  localRoot: () =>
    lastWords(
      make("local-root", {
        image: "dev.local/local",
        script: write("cat /proc/self/status | while read a b; do case $a in CapEff:) echo $b;; esac; done"),
        securityContext: { capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } },
      }),
    ),
};
makeLocalImage();
const report: Record<string, unknown> = {};
await Promise.all(
  Object.entries(steps).map(async ([name, step]) => {
    report[name] = await step();
  }),
);
// What had to be tried first is told a while after the start.
const node = await until(async () => {
  const found = await kube.get(Node, { name: "kelvin" });
  return found.metadata.annotations?.["kelvin.dev/runtime.oci"] === undefined ? undefined : found;
});
const chosen = (await kube.list(CoreEvent, { namespace: "default" })).items.find(
  ({ reason, involvedObject }) => reason === "RuntimeChosen" && involvedObject.name === "preset",
);
await close();
tell({
  ...report,
  limits: node.metadata.annotations?.["kelvin.dev/resource-limits"],
  runtimes: node.metadata.labels?.["kelvin.dev/runtimes"],
  chosen: chosen?.message,
  hostIsClean: !existsSync("/etc/new"),
});

function makeLocalImage(): void {
  // A directory image needs a start script, whatever the Pod runs.
  mkdirSync(join(imagesDir, "local"), { recursive: true });
  writeFileSync(join(imagesDir, "local", "package.json"), JSON.stringify({ scripts: { start: "true" } }));
}

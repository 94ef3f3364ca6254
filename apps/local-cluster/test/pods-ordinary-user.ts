// What Pods with wishes about users and rights get on a cluster of an ordinary user's. Started by pods-runtimes.test.ts; prints
// what it saw as one line of JSON.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Pod } from "@kelvin/kube";
import { findOciTool } from "../src/node-agent/runtime/oci-tool.ts";
import { makeShellPod, openTestCluster, podWhen, runPod, tell } from "./cluster.ts";
import { makeUnpackedImage } from "./unpacked-image.ts";

const [dataDir = "", hasRunc = ""] = process.argv.slice(2);
const imagesDir = join(dataDir, "images");
const programs = ["/bin/sh", "/usr/bin/id"];
makeUnpackedImage(join(imagesDir, "root"), programs, { User: "root" });
makeUnpackedImage(join(imagesDir, "web"), programs, { User: "web" });
mkdirSync(join(imagesDir, "local"));
writeFileSync(join(imagesDir, "local", "package.json"), JSON.stringify({ scripts: { start: "true" } }));
const { kube, close } = await openTestCluster({ dataDir, imagesDir });

async function idIn(name: string, runtime: string): Promise<string> {
  const script = "echo -n $(id -u) > /dev/termination-log";
  const pod = makeShellPod(name, { main: { image: "dev.local/root", script } });
  const annotations = { "kelvin.dev/runtime": runtime };
  const { status } = await runPod(kube, { ...pod, metadata: { ...pod.metadata, annotations } });
  return status?.containerStatuses?.[0]?.state?.terminated?.message ?? "";
}

async function refusalOf(pod: Pod): Promise<string | undefined> {
  await kube.create(Pod, pod);
  const waiting = await podWhen(
    kube,
    pod.metadata.name ?? "",
    ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === "CreateContainerConfigError",
  );
  return waiting.status?.containerStatuses?.[0]?.state?.waiting?.message;
}

const securityContext = {
  capabilities: { drop: ["ALL"] },
  readOnlyRootFilesystem: true,
  allowPrivilegeEscalation: false,
  runAsNonRoot: true,
};
const script = "touch /etc/x; touch /workspace/x && echo -n wrote > /dev/termination-log";
const volumeMounts = [{ name: "data", mountPath: "/workspace" }];
const volumes = [{ name: "data", emptyDir: {} }];
const hardened = await runPod(
  kube,
  makeShellPod(
    "hardened",
    { main: { image: "dev.local/local", script, volumeMounts, securityContext } },
    { volumes, securityContext: { fsGroup: 1000 } },
  ),
);
const other = await refusalOf(
  makeShellPod(
    "other",
    { main: { image: "dev.local/local", script: "true" } },
    { securityContext: { runAsUser: 1000 } },
  ),
);
// An image that is made for a user of its own.
const web = await refusalOf(makeShellPod("web", { main: { image: "dev.local/web", script: "true" } }));
const sandbox = await idIn("sandbox", "sandbox");
const oci = hasRunc === "true" ? await idIn("oci", "oci") : "not tried";
// Control groups are not an ordinary user's: what cannot work is known before a Pod needs it.
const trial = await findOciTool({ directory: join(dataDir, "trial"), cgroupsPath: "kelvin-trial/a" });
await close();
tell({
  hardened: hardened.status?.containerStatuses?.[0]?.state?.terminated?.message,
  other,
  web,
  sandbox,
  oci,
  trial: trial.fact,
});

// What Pods with wishes about users and rights get on a cluster of an ordinary user's. Started by pods-runtimes.test.ts; prints
// what it saw as one line of JSON.
import { Pod } from "@kelvin/kube";
import { makeShellPod, openTestCluster, podWhen, runPod, tell } from "./cluster.ts";

const [dataDir = ""] = process.argv.slice(2);
const { kube, close } = await openTestCluster({ dataDir });

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
    { main: { script, volumeMounts, securityContext } },
    { volumes, securityContext: { fsGroup: 1000 } },
  ),
);
await kube.create(Pod, makeShellPod("other", { main: "true" }, { securityContext: { runAsUser: 1000 } }));
const other = await podWhen(
  kube,
  "other",
  ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.reason === "CreateContainerConfigError",
);
await close();
tell({
  hardened: hardened.status?.containerStatuses?.[0]?.state?.terminated?.message,
  other: other.status?.containerStatuses?.[0]?.state?.waiting?.message,
});

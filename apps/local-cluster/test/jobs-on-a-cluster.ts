// Jobs whose Pods really run. Started by jobs-on-a-cluster.test.ts inside fresh namespaces; prints what it saw as one line
// of JSON.
import { Job, Pod } from "@kelvin/kube";
import { openTestCluster, tell, until } from "./cluster.ts";

const [dataDir = ""] = process.argv.slice(2);
const { kube, close } = await openTestCluster({ dataDir, network: "namespaces" });

function makeJob(name: string, script: string, spec: object = {}): Job {
  const containers = [{ name: "c", image: "dev.local/echo", command: ["sh", "-c", script] }];
  const pod = { restartPolicy: "Never", terminationGracePeriodSeconds: 2, containers };
  return { metadata: { namespace: "default", name }, spec: { backoffLimit: 0, ...spec, template: { spec: pod } } };
}

const indexed = { completions: 3, parallelism: 2, completionMode: "Indexed" };
await kube.create(Job, makeJob("parts", 'test "$JOB_COMPLETION_INDEX" -lt 3', indexed));
await kube.create(Job, makeJob("failing", "exit 3"));
await kube.create(Job, makeJob("slow", "sleep 1000", { activeDeadlineSeconds: 2 }));

async function endOf(name: string): Promise<object> {
  const isOver = async (): Promise<Job | undefined> => {
    const job = await kube.get(Job, { namespace: "default", name });
    const last = job.status?.conditions?.at(-1)?.type;
    return last === "Complete" || last === "Failed" ? job : undefined;
  };
  const { succeeded = 0, failed = 0, completedIndexes = "", conditions = [] } = (await until(isOver)).status ?? {};
  return { succeeded, failed, completedIndexes, reason: conditions.at(-1)?.reason };
}

const ends = [await endOf("parts"), await endOf("failing"), await endOf("slow")];
for (const name of ["parts", "failing", "slow"]) {
  await kube.delete(Job, { namespace: "default", name }, { propagationPolicy: "Foreground" });
}
await until(async () => (await kube.list(Pod)).items.length === 0 || undefined);
await close();
tell({ ends });

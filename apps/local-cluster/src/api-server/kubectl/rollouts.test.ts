import { expect, test } from "@jest/globals";
import { describeKubectl, useKubectl } from "../testing/kubectl.ts";

// A Deployment from its creation to its end, with the controllers at work.

const kubectl = useKubectl({ hasControllers: true });

const run = async (line: string, env: Record<string, string> = {}): Promise<string> => {
  const { out, err } = await kubectl.run(line, env);
  return (out + err).trim();
};
const image = (): Promise<string> => run("get deployment web -o jsonpath={.spec.template.spec.containers[0].image}");

describeKubectl("kubectl rollout", () => {
  test.each<Record<string, string>>([{}, { KUBE_FEATURE_WatchListClient: "true" }])(
    "status follows it until it is done, with %j",
    async (env) => {
      await run("create deployment web --image=dev.local/one --replicas=2 --port=8080");
      expect(await run("rollout status deployment/web --timeout=30s", env)).toContain("successfully rolled out");
      expect(await run("get deployment web -o jsonpath={.status.readyReplicas}")).toBe("2");
      expect(await run("wait --for=condition=Available deployment/web --timeout=10s", env)).toContain("condition met");
      expect(await run("wait --for=jsonpath={.status.readyReplicas}=2 deployment/web --timeout=10s", env)).toContain(
        "condition met",
      );
      if (env["KUBE_FEATURE_WatchListClient"] === undefined) {
        expect(await run("delete deployment web --cascade=foreground")).toContain("deleted");
      }
    },
  );

  test("history, undo and undo to a revision", async () => {
    await run("annotate deployment web kubernetes.io/change-cause=first");
    await run("set image deployment/web *=dev.local/two");
    await run("annotate deployment web kubernetes.io/change-cause=second");
    await run("rollout status deployment/web --timeout=30s");
    expect((await run("rollout history deployment/web")).replaceAll(/ +/g, " ")).toMatch(/1 first\n2 second$/);
    expect(await run("rollout history deployment/web --revision=2")).toMatch(/Image:\s+dev\.local\/two/);
    expect(await run("rollout undo deployment/web")).toBe("deployment.apps/web rolled back");
    expect(await image()).toBe("dev.local/one");
    await run("rollout status deployment/web --timeout=30s");
    expect(await run("rollout undo deployment/web --to-revision=2")).toBe("deployment.apps/web rolled back");
    expect(await image()).toBe("dev.local/two");
    expect(await run("rollout undo deployment/web --to-revision=99")).toContain("unable to find specified revision 99");
  });

  test("pause holds changes back, resume lets them go, restart replaces every Pod", async () => {
    await run("rollout status deployment/web --timeout=30s");
    const before = await run("get pods -l app=web -o name");
    expect(await run("rollout pause deployment/web")).toBe("deployment.apps/web paused");
    expect(await run("rollout restart deployment/web")).toContain("can't restart paused deployment");
    await run("set env deployment/web A=1");
    expect(await run("get pods -l app=web -o name")).toBe(before);
    expect(await run("rollout resume deployment/web")).toBe("deployment.apps/web resumed");
    expect(await run("rollout restart deployment/web")).toBe("deployment.apps/web restarted");
    await run("rollout status deployment/web --timeout=30s");
    const after = await run("get pods -l app=web --field-selector=status.phase=Running -o name");
    expect(before.split("\n").some((pod) => after.split("\n").includes(pod))).toBe(false);
  });

  test("scale, with its precondition; describe and events tell of it", async () => {
    expect(await run("scale deployment web --current-replicas=5 --replicas=1")).toContain(
      "Expected replicas to be 5, was 2",
    );
    expect(await run("scale deployment web --current-replicas=2 --replicas=3")).toBe("deployment.apps/web scaled");
    expect(await run("rollout status deployment/web --timeout=30s")).toContain("successfully rolled out");
    const described = await run("describe deployment web");
    expect(described).toMatch(/Replicas:\s+3 desired \| 3 updated \| 3 total \| 3 available/);
    expect(described).toContain("ScalingReplicaSet");
    expect(await run("events --for=deployment/web --types=Normal")).toMatch(/ScalingReplicaSet\s+Deployment\/web/);
    expect(await run("get events --field-selector=involvedObject.name=web,reason=ScalingReplicaSet")).toContain(
      "deployment/web",
    );
  });
});

describeKubectl("kubectl delete", () => {
  test("orphan leaves the dependants, foreground waits for them, background does not", async () => {
    for (const name of ["left", "waited", "quick"]) await run(`create deployment ${name} --image=dev.local/x`);
    for (const name of ["left", "waited", "quick"]) await run(`rollout status deployment/${name} --timeout=30s`);
    const names = (label: string): Promise<string> => run(`get rs,pods -l app=${label} -o name`);

    expect(await run("delete deployment left --cascade=orphan")).toContain("deleted");
    const left = await names("left");
    expect(left.split("\n")).toHaveLength(2);
    expect(await run("get rs -l app=left -o jsonpath={.items[0].metadata.ownerReferences}")).toBe("");

    expect(await run("delete deployment waited --cascade=foreground")).toContain("deleted");
    expect(await names("waited")).toBe("");

    const gone = run("wait --for=delete pods -l app=quick --timeout=30s");
    expect(await run("delete deployment quick --cascade=background")).toContain("deleted");
    expect(await gone).toContain("condition met");
  });

  test("by label, all of a kind, without a wait, and at once", async () => {
    await run("create namespace many");
    for (const name of ["a", "b", "c", "d"]) await run(`create configmap ${name} -n many`);
    await run("label configmap a b -n many group=one");
    expect((await run("delete configmap -l group=one -n many")).match(/deleted/g)).toHaveLength(2);
    expect(await run("delete configmap a -n many --ignore-not-found")).toBe("");
    expect((await run("delete configmap --all -n many")).match(/deleted/g)?.length).toBeGreaterThanOrEqual(2);
    await run("run lone --image=dev.local/x -n many");
    expect(await run("delete pod lone -n many --grace-period=0 --force")).toContain("force deleted");
    expect(await run("delete namespace many --wait=false")).toContain("deleted");
    await run("wait --for=delete namespace/many --timeout=30s");
    expect(await run("get namespace many")).toContain('namespaces "many" not found');
  });
});

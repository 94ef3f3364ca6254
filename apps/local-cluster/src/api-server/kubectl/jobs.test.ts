import { expect, test } from "@jest/globals";
import { describeKubectl, useKubectl } from "../testing/kubectl.ts";

// Jobs as kubectl makes, shows, waits for and removes them, with the controllers at work.

const kubectl = useKubectl({ hasControllers: true });

const run = async (line: string): Promise<string> => {
  const { out, err } = await kubectl.run(line);
  return (out + err).trim();
};

const podOf = (job: string): Promise<string> =>
  run(`get pods -l job-name=${job} -o jsonpath={.items[0].metadata.name}`);

/** Ends the Job's pod as its node would. */
async function end(job: string, phase: "Succeeded" | "Failed"): Promise<void> {
  await run(`wait --for=jsonpath={.status.phase}=Running pod -l job-name=${job} --timeout=20s`);
  const exitCode = phase === "Failed" ? 3 : 0;
  const state = { terminated: { exitCode, finishedAt: "2026-01-01T00:00:00Z" } };
  const patch = JSON.stringify({ status: { phase, containerStatuses: [{ name: job, state }] } });
  await run(`patch pod ${await podOf(job)} --subresource=status --type=merge -p '${patch}'`);
}

const words = (text: string): string => text.replaceAll(/ +/g, " ");

describeKubectl("kubectl and Jobs", () => {
  test("create, wait, get, describe", async () => {
    expect(await run("create job pi --image=dev.local/pi -- perl -e 1")).toBe("job.batch/pi created");
    expect(words(await run("get job pi"))).toMatch(/NAME STATUS COMPLETIONS DURATION AGE\npi Running 0\/1/);
    await end("pi", "Succeeded");
    expect(await run("wait --for=condition=complete job/pi --timeout=20s")).toBe("job.batch/pi condition met");
    expect(words(await run("get job pi --no-headers"))).toMatch(/^pi Complete 1\/1 /);
    const description = words(await run("describe job pi"));
    expect(description).toContain("Pods Statuses: 0 Active (0 Ready) / 1 Succeeded / 0 Failed");
    expect(description).toMatch(/SuccessfulCreate .* job-controller Created pod: pi-/);
    expect(description).toMatch(/Completed .* job-controller Job completed/);
  });

  test("a Job that fails says why, and `wait` sees it", async () => {
    const text = `
apiVersion: batch/v1
kind: Job
metadata: {name: bad}
spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never, containers: [{name: bad, image: i}]}}}
`;
    const path = await kubectl.file("bad.yaml", text);
    expect(await run(`apply -f ${path}`)).toBe("job.batch/bad created");
    await end("bad", "Failed");
    expect(await run("wait --for=condition=failed job/bad --timeout=20s")).toBe("job.batch/bad condition met");
    const reason = await run("get job bad -o jsonpath={.status.conditions[-1:].reason}");
    expect(reason).toBe("BackoffLimitExceeded");
    expect(await run(`apply -f ${path}`)).toBe("job.batch/bad unchanged");
  });

  test("what cannot be a Job, or cannot change, is named", async () => {
    const wrong = `
apiVersion: batch/v1
kind: Job
metadata: {name: wrong}
spec: {completionMode: Indexed, successPolicy: {rules: []}, template: {spec: {containers: [{name: c, image: i}]}}}
`;
    const said = await run(`apply -f ${await kubectl.file("wrong.yaml", wrong)}`);
    expect(said).toContain("spec.successPolicy: Forbidden: not supported by the local cluster");
    expect(said).toContain('spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"');
    expect(await run("set image job/pi pi=dev.local/other")).toMatch(
      /spec\.template: Invalid value: .*field is immutable/,
    );
  });

  test("deleted in the background, in the foreground, and without its pods", async () => {
    for (const [name, cascade] of [
      ["one", "background"],
      ["two", "foreground"],
      ["three", "orphan"],
    ]) {
      await run(`create job ${name} --image=dev.local/x -- sleep 100`);
      await run(`wait --for=jsonpath={.status.phase}=Running pod -l job-name=${name} --timeout=20s`);
      expect(await run(`delete job ${name} --cascade=${cascade}`)).toContain(`job.batch "${name}" deleted`);
    }
    await run("wait --for=delete pod -l 'job-name in (one,two)' --timeout=20s");
    expect(await run("get pods -l 'job-name in (one,two)' -o name")).toBe("");
    expect(await run("get pods -l job-name=three -o jsonpath={.items[*].metadata.finalizers}")).toBe("");
    expect(await podOf("three")).toMatch(/^three-/);
  });
});

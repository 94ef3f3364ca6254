import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { ingress, openWorld, revision, startPod, stopPods, until, type World } from "./world.ts";

let world: World;
beforeEach(async () => {
  world = await openWorld();
});
afterEach(async () => {
  await world.close();
  await stopPods();
});

/** One revision behind one host, served by nobody yet. */
async function serve(name: string, spec: object = {}): Promise<void> {
  world.kube.put(revision(name, spec));
  world.kube.put(ingress(name, { [name]: 100 }));
  await until(async () => (await generations())[`default/${name}`] === 1, "ingress applied");
}

async function generations(): Promise<Record<string, number>> {
  const report = (await world.internal("/internal/v1/table")) as { ingresses: Record<string, number> };
  return report.ingresses;
}

describe("routing", () => {
  test("a host leads to the pods of its revision", async () => {
    await serve("hello");
    const pod = await startPod(world, "hello");
    expect(await world.get("hello.example.com")).toMatchObject({ status: 200, body: `hello ${pod.name}` });
    expect(await world.get("HELLO.example.com:8080")).toMatchObject({ status: 200 });
  });

  test("an unknown host is a 404 that names it", async () => {
    expect(await world.get("nobody.example.com")).toMatchObject({
      status: 404,
      body: expect.stringContaining("nobody.example.com"),
    });
  });
});

describe("from zero", () => {
  test("a hundred requests wait for the first pod and are all answered", async () => {
    await serve("hello");
    const answers = Array.from({ length: 100 }, () => world.get("hello.example.com"));
    await startPod(world, "hello");
    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200));
  });
});

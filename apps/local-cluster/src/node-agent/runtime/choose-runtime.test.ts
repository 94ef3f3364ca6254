import { describe, expect, test } from "@jest/globals";
import { chooseRuntime, runtimeAnnotation } from "./choose-runtime.ts";
import type { RunRequest, Runtime, RuntimeName } from "./runtime.ts";

function make(name: RuntimeName, lack?: string): Runtime {
  return { name, lacks: () => lack, plan: () => Promise.reject(new Error("not to be planned")) as never };
}

/** One that is known to be of no use only after it was tried. */
function makeTried(name: RuntimeName, fact: string): Runtime {
  let lack: string | undefined;
  return {
    ...make(name),
    tried() {
      lack = fact;
      return Promise.resolve({ works: false, fact });
    },
    lacks: () => lack,
  };
}

function requestFor(asked?: string): RunRequest {
  const annotations = asked === undefined ? {} : { [runtimeAnnotation]: asked };
  return { pod: { metadata: { name: "p", annotations } } } as unknown as RunRequest;
}

const runtimes = [make("local", "it has a root"), makeTried("oci", "runc does not work here: no"), make("sandbox")];

describe("the runtime of a container", () => {
  test("is the first that can run it, and says why none before it was", async () => {
    const { runtime, because } = await chooseRuntime(runtimes, requestFor());
    expect(runtime.name).toBe("sandbox");
    expect(because).toBe("not local: it has a root; not oci: runc does not work here: no");
  });

  test("is the one that is asked for, or none", async () => {
    const { runtime, because } = await chooseRuntime(runtimes, requestFor("sandbox"));
    expect([runtime.name, because]).toEqual(["sandbox", "the annotation kelvin.dev/runtime asks for it"]);
    await expect(chooseRuntime(runtimes, requestFor("oci"))).rejects.toThrow(
      "no runtime of this node can run it: oci: runc does not work here: no",
    );
    await expect(chooseRuntime(runtimes, requestFor("docker"))).rejects.toThrow(
      'annotation kelvin.dev/runtime asks for "docker", which is not on this node; there are local, oci, sandbox',
    );
  });
});

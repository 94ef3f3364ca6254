import { describe, expect, test } from "@jest/globals";
import { findKindType } from "../fields/message-types.ts";
import { applyStrategicMergePatch as applyPatch } from "./strategic-merge-patch.ts";

const applyStrategicMergePatch = (target: unknown, patch: unknown, kind = "Pod"): unknown =>
  applyPatch(target, patch, findKindType(kind === "Deployment" ? "apps/v1" : "v1", kind)?.byName ?? new Map());

const pod = {
  metadata: { labels: { a: "1" }, finalizers: ["x/a", "x/b"] },
  spec: {
    containers: [
      {
        name: "c",
        image: "i",
        ports: [{ containerPort: 80, name: "http" }],
        env: [{ name: "A", value: "1" }],
        args: ["a"],
      },
      { name: "d", image: "j" },
    ],
    tolerations: [{ key: "k" }],
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1 } },
  },
};

describe("strategic merge", () => {
  test.each([
    {
      name: "merges items by their key and appends new ones",
      patch: {
        spec: {
          containers: [
            { name: "c", image: "new" },
            { name: "e", image: "k" },
          ],
        },
      },
      want: ["c=new", "d=j", "e=k"],
    },
    {
      name: "deletes an item by its key",
      patch: { spec: { containers: [{ name: "c", $patch: "delete" }] } },
      want: ["d=j"],
    },
    {
      name: "replaces a list",
      patch: { spec: { containers: [{ $patch: "replace" }, { name: "z", image: "z" }] } },
      want: ["z=z"],
    },
    {
      name: "orders as the client says",
      patch: {
        spec: {
          $setElementOrder: 1,
          "$setElementOrder/containers": [{ name: "d" }, { name: "c" }],
          containers: [{ name: "c", image: "n" }],
        },
      },
      want: ["d=j", "c=n"],
    },
  ])("$name", ({ patch, want }) => {
    const next = applyStrategicMergePatch(pod, patch) as typeof pod;
    expect(next.spec.containers.map(({ name, image }) => `${name}=${image}`)).toEqual(want);
  });

  test("lists below merged items merge by their own keys, others are replaced", () => {
    const patch = {
      spec: {
        tolerations: [{ key: "l" }],
        containers: [
          {
            name: "c",
            ports: [{ containerPort: 81 }],
            env: [
              { name: "A", value: "2" },
              { name: "B", value: "3" },
            ],
            args: ["b", "c"],
          },
        ],
      },
    };
    const next = applyStrategicMergePatch(pod, patch) as typeof pod;
    expect(next.spec.containers[0]).toEqual({
      name: "c",
      image: "i",
      ports: [{ containerPort: 80, name: "http" }, { containerPort: 81 }],
      env: [
        { name: "A", value: "2" },
        { name: "B", value: "3" },
      ],
      args: ["b", "c"],
    });
    expect(next.spec.tolerations).toEqual([{ key: "l" }]);
  });

  test("Service ports merge by their number", () => {
    const service = { spec: { ports: [{ port: 80, name: "http" }] } };
    expect(applyStrategicMergePatch(service, { spec: { ports: [{ port: 80, targetPort: 8080 }] } }, "Service")).toEqual(
      {
        spec: { ports: [{ port: 80, name: "http", targetPort: 8080 }] },
      },
    );
  });

  test("$retainKeys drops the other fields of a union", () => {
    const next = applyStrategicMergePatch(pod, { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } });
    expect((next as typeof pod).spec.strategy).toEqual({ type: "Recreate" });
  });

  test("the same name merges in one kind and is replaced in another", () => {
    const before = { imagePullSecrets: [{ name: "a" }], secrets: [{ name: "a" }] };
    const patch = { imagePullSecrets: [{ name: "b" }], secrets: [{ name: "b" }] };
    expect(applyStrategicMergePatch(before, patch, "ServiceAccount")).toEqual({
      imagePullSecrets: [{ name: "b" }],
      secrets: [{ name: "a" }, { name: "b" }],
    });
    expect(applyStrategicMergePatch({ spec: before }, { spec: { imagePullSecrets: [{ name: "b" }] } })).toMatchObject({
      spec: { imagePullSecrets: [{ name: "a" }, { name: "b" }] },
    });
  });

  test("finalizers merge as a set, and can be deleted from it", () => {
    const patch = { metadata: { finalizers: ["x/c"], "$deleteFromPrimitiveList/finalizers": ["x/a"] } };
    expect((applyStrategicMergePatch(pod, patch) as typeof pod).metadata.finalizers).toEqual(["x/b", "x/c"]);
  });

  test("null deletes a field; the original is left alone", () => {
    const before = structuredClone(pod);
    expect(
      (applyStrategicMergePatch(pod, { metadata: { labels: null } }) as typeof pod).metadata.labels,
    ).toBeUndefined();
    expect(pod).toEqual(before);
  });

  test.each([[{ spec: { containers: [{ image: "x" }] } }], [{ spec: { $patch: "mend" } }], [[]]])(
    "refuses %j",
    (patch) => {
      expect(() => applyStrategicMergePatch(pod, patch)).toThrow();
    },
  );
});

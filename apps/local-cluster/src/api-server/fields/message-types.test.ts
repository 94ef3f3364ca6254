import { describe, expect, test } from "@jest/globals";
import { kubernetesFields } from "./kubernetes-fields.generated.ts";
import { findKindType, hasGroup, type Field, type MessageType } from "./message-types.ts";

function fieldAt(apiVersion: string, kind: string, path: string): Field {
  let type: Field["type"] | undefined = findKindType(apiVersion, kind);
  let field: Field | undefined;
  for (const name of path.split(".")) {
    field = typeof type === "object" ? type.byName.get(name) : undefined;
    type = field?.type;
  }
  if (field === undefined) throw new Error(`${kind} has no field ${path}`);
  return field;
}

describe("the table of fields", () => {
  test("is understood to its last line", () => {
    const waiting: MessageType[] = [];
    let apiVersion = "";
    for (const line of kubernetesFields.split("\n")) {
      apiVersion = /^# \S+ (\S+)$/.exec(line)?.[1] ?? apiVersion;
      const kind = /^\*&?(\w+)/.exec(line)?.[1];
      if (kind !== undefined) waiting.push(findKindType(apiVersion, kind)!);
    }
    const seen = new Set<MessageType>();
    for (let type = waiting.pop(); type !== undefined; type = waiting.pop()) {
      if (seen.has(type)) continue;
      seen.add(type);
      for (const field of type.byNumber.values()) {
        expect(field.number).toBeGreaterThan(0);
        if (typeof field.type === "object") waiting.push(field.type);
      }
    }
    expect(seen.size).toBe(
      kubernetesFields.split("\n").filter((line) => /^\W*\w/.test(line) && line[1] !== " ").length,
    );
  });

  test.each([
    { place: "v1 Pod spec.containers", merge: { mergeKey: "name" }, apply: ["map", "name"] },
    {
      place: "v1 Pod spec.containers.ports",
      merge: { mergeKey: "containerPort" },
      apply: ["map", "containerPort", "protocol"],
    },
    { place: "v1 Pod spec.containers.command", merge: undefined, apply: ["atomic"] },
    { place: "v1 Pod spec.tolerations", merge: undefined, apply: ["atomic"] },
    { place: "v1 Service spec.ports", merge: { mergeKey: "port" }, apply: ["map", "port", "protocol"] },
    { place: "v1 ServiceAccount secrets", merge: { mergeKey: "name" }, apply: ["map", "name"] },
    { place: "v1 ServiceAccount imagePullSecrets", merge: undefined, apply: ["atomic"] },
    { place: "v1 Pod metadata.finalizers", merge: {}, apply: ["set"] },
    { place: "v1 Pod metadata.ownerReferences", merge: { mergeKey: "uid" }, apply: ["map", "uid"] },
    { place: "apps/v1 Deployment status.conditions", merge: { mergeKey: "type" }, apply: ["map", "type"] },
    { place: "discovery.k8s.io/v1 EndpointSlice endpoints", merge: undefined, apply: ["atomic"] },
  ])("$place", ({ place, merge, apply }) => {
    const [apiVersion = "", kind = "", path = ""] = place.split(" ");
    const field = fieldAt(apiVersion, kind, path);
    expect(field.merge).toEqual(merge);
    expect([field.listType, ...field.listMapKeys]).toEqual(apply);
  });

  test("inlined messages are dissolved; pointers, defaults and atomic values are known", () => {
    expect(fieldAt("v1", "Pod", "spec.volumes.configMap.name").default).toBe("");
    expect(fieldAt("v1", "Pod", "spec.volumes").retainsKeys).toBe(true);
    expect(fieldAt("v1", "Service", "spec.ports.protocol").default).toBe("TCP");
    expect(fieldAt("v1", "Service", "spec.selector").isAtomic).toBe(true);
    expect(fieldAt("apps/v1", "Deployment", "spec.replicas").isPointer).toBe(true);
    expect(fieldAt("apps/v1", "Deployment", "spec.minReadySeconds").isPointer).toBe(false);
    expect(fieldAt("apps/v1", "Deployment", "spec.selector").type).toMatchObject({ isAtomic: true });
  });

  test("knows kinds only by the version they are served in", () => {
    expect(findKindType("apps/v1", "Deployment")?.name).toBe("Deployment");
    expect(findKindType("v1", "Deployment")).toBeUndefined();
    expect(findKindType("v1", "Container")).toBeUndefined();
    expect(findKindType("serving.knative.dev/v1", "Service")).toBeUndefined();
    expect([hasGroup("apps/v1beta1"), hasGroup("v1"), hasGroup("serving.knative.dev/v1")]).toEqual([true, true, false]);
  });
});

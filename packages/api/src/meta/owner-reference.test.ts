import { expect, test } from "@jest/globals";
import { Service } from "../serving/v1/service.types.ts";
import { controllerOf, isControlledBy, keyOf, makeOwnerReference } from "./owner-reference.ts";

const owner = { metadata: { name: "hello", namespace: "default", uid: "1" } };

test("a child knows the incarnation that controls it", () => {
  const reference = makeOwnerReference(Service, owner);
  expect(reference).toEqual({
    apiVersion: "serving.knative.dev/v1",
    kind: "Service",
    name: "hello",
    uid: "1",
    controller: true,
    blockOwnerDeletion: true,
  });
  const child = { metadata: { name: "child", ownerReferences: [reference] } };
  expect(isControlledBy(child, owner)).toBe(true);
  expect(isControlledBy(child, { metadata: { ...owner.metadata, uid: "2" } })).toBe(false);
  expect(controllerOf(child)).toEqual(reference);
});

test("an owner that is not the controller, or none, controls nothing", () => {
  const { controller: _, ...reference } = makeOwnerReference(Service, owner);
  expect(isControlledBy({ metadata: { ownerReferences: [reference] } }, owner)).toBe(false);
  expect(isControlledBy({ metadata: {} }, { metadata: {} })).toBe(false);
});

test("what has not been stored cannot own, what has no name has no key", () => {
  expect(() => makeOwnerReference(Service, { metadata: { name: "hello" } })).toThrow("without name or uid");
  expect(keyOf(owner)).toEqual({ namespace: "default", name: "hello" });
  expect(keyOf({ metadata: { name: "node" } })).toEqual({ name: "node" });
  expect(() => keyOf({ kind: "Pod", metadata: {} })).toThrow("a Pod without a name has no key");
});

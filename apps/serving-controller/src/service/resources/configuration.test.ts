import { expect, test } from "@jest/globals";
import { annotations } from "@kelvin/api/serving/v1";
import { withSpec } from "@kelvin/testkit";
import { service } from "../../../test/builders.ts";
import { makeConfiguration } from "./configuration.ts";

const pinned = service("hello", withSpec({ traffic: [{ revisionName: "hello-00001", percent: 100 }] }));
const following = service("hello", withSpec({ traffic: [{ latestRevision: true, percent: 100 }] }));

function routesOf(...args: Parameters<typeof makeConfiguration>): string | undefined {
  return makeConfiguration(...args).metadata.annotations?.[annotations.routes];
}

test("a new Configuration names the Service's Route, wherever traffic goes", () => {
  expect(routesOf(following)).toBe("hello");
  expect(routesOf(pinned)).toBe("hello");
});

test("one that exists keeps the Routes that use it, and the Service's own while traffic follows the latest Revision", () => {
  expect(routesOf(following, ["other"])).toBe("hello,other");
  expect(routesOf(service("hello"), [])).toBe("hello");
});

test("with traffic pinned to Revisions a Route that was taken away is not put back", () => {
  expect(routesOf(pinned, [])).toBeUndefined();
  expect(routesOf(pinned, ["other"])).toBe("other");
});

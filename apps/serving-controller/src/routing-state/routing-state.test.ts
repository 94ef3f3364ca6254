import { describe, expect, test } from "@jest/globals";
import { withConditions, withGeneration, withStatus } from "@kelvin/testkit";
import { configuration, ownedByNobody, revision, route } from "../../test/builders.ts";
import { indexRouteTargets, isLatestOf, promisedRoute } from "./route-targets.ts";
import { decideRoutes, makeRevisionPatch, makeRoutesPatch } from "./routing-state.ts";

const now = new Date("2026-02-02T00:00:00Z");
const settled = route("hello", withConditions({ Ready: "True" }));
const decide = (current: string[], claims: Parameters<typeof decideRoutes>[0]["claims"], promised?: string) =>
  decideRoutes({ current, claims, promised });

describe("which Routes an object names", () => {
  test("those that refer to it, sorted", () => {
    const claims = [
      { route: route("b"), isReferencing: true },
      { route: route("a"), isReferencing: true },
      { route: route("c"), isReferencing: false },
    ];
    expect(decide([], claims)).toEqual(["a", "b"]);
  });

  test("one that has turned away only goes once it has settled, well or not", () => {
    const failed = route("hello", withConditions({ Ready: "False" }));
    const behind = route("hello", withConditions({ Ready: "True" }), withGeneration(2));
    expect(decide(["hello"], [{ route: settled, isReferencing: false }])).toEqual([]);
    expect(decide(["hello"], [{ route: failed, isReferencing: false }])).toEqual([]);
    expect(decide(["hello"], [{ route: behind, isReferencing: false }])).toEqual(["hello"]);
    expect(decide(["hello"], [{ route: route("hello"), isReferencing: false }])).toEqual(["hello"]);
  });

  test("one that is gone goes at once, unless its Service will make it", () => {
    expect(decide(["hello"], [])).toEqual([]);
    expect(decide(["hello"], [], "hello")).toEqual(["hello"]);
    expect(decide(["hello"], [{ route: settled, isReferencing: false }], "hello")).toEqual([]);
    expect(decide([], [], "hello")).toEqual([]);
  });
});

describe("the patch of a Revision", () => {
  const active = revision("hello-00001").metadata;

  test("is none when all is said already", () => {
    expect(makeRevisionPatch(active, ["hello"], now)).toBeUndefined();
    expect(makeRoutesPatch(active, ["hello"])).toBeUndefined();
  });

  test("puts one without Routes in reserve, with the time", () => {
    expect(makeRevisionPatch(active, [], now)).toEqual({
      metadata: {
        labels: { "serving.knative.dev/routingState": "reserve" },
        annotations: {
          "serving.knative.dev/routes": null,
          "serving.knative.dev/routingStateModified": "2026-02-02T00:00:00Z",
        },
      },
    });
  });

  test("leaves the time alone while the state stays", () => {
    expect(makeRevisionPatch(active, ["hello", "other"], now)).toEqual({
      metadata: { annotations: { "serving.knative.dev/routes": "hello,other" } },
    });
  });

  test("leaves one that no Route has ever named pending", () => {
    const pending = { labels: { "serving.knative.dev/routingState": "pending" } };
    expect(makeRevisionPatch(pending, [], now)).toBeUndefined();
    expect(makeRevisionPatch(pending, ["hello"], now)?.metadata.labels).toEqual({
      "serving.knative.dev/routingState": "active",
    });
  });
});

describe("what a Route refers to", () => {
  test("is in its spec and in its status", () => {
    const moving = route("hello", withStatus({ traffic: [{ revisionName: "hello-00001" }] }));
    expect(indexRouteTargets(moving)).toEqual(["Configuration:default/hello", "Revision:default/hello-00001"]);
  });

  test("the latest is the one created, the one ready, and the one of the current generation", () => {
    const names = withStatus({ latestCreatedRevisionName: "hello-00002", latestReadyRevisionName: "hello-00001" });
    const parent = configuration("hello", withGeneration(3), names);
    const isLatest = (generation: number) => isLatestOf(parent, revision(`hello-0000${generation}`), generation);
    expect([1, 2, 3, 4].map(isLatest)).toEqual([true, true, true, false]);
  });

  test("a Service promises the Route of its own name", () => {
    expect(promisedRoute(configuration("hello"))).toBe("hello");
    expect(promisedRoute(configuration("hello", ownedByNobody))).toBeUndefined();
    expect(promisedRoute(undefined)).toBeUndefined();
  });
});

import { describe, expect, test } from "@jest/globals";
import type { Configuration, Revision, Route } from "@kelvin/api/serving/v1";
import { withConditions, withLabels, withSpec, withStatus } from "@kelvin/testkit";
import { configuration, revision, route } from "../../test/builders.ts";
import { resolveTraffic, type TrafficSources } from "./traffic.ts";

function sources(objects: readonly (Configuration | Revision)[]): TrafficSources {
  const find = (kind: string, name: string) =>
    objects.find((object) => object.kind === kind && object.metadata.name === name);
  return {
    findConfiguration: (name) => find("Configuration", name) as Configuration | undefined,
    findRevision: (name) => find("Revision", name) as Revision | undefined,
  };
}

const isReady = withConditions({ Ready: "True" });
const hasFailed = withConditions({ Ready: "False" });
const latestReady = withStatus({ latestReadyRevisionName: "hello-00002" });
const routeTo = (traffic: Route["spec"]["traffic"]) =>
  route("hello", ...(traffic === undefined ? [] : [withSpec({ traffic })]));
const world = [configuration("hello", latestReady), revision("hello-00001", isReady), revision("hello-00002", isReady)];

function groupsOf(spec: Route["spec"]["traffic"], objects = world) {
  const traffic = resolveTraffic(routeTo(spec), sources(objects));
  if (!("groups" in traffic)) return traffic;
  return Object.fromEntries(
    [...traffic.groups].map(([tag, targets]) => [tag, targets.map((target) => [target.revisionName, target.percent])]),
  );
}

describe("resolving traffic", () => {
  test("the latest is the latest ready Revision, and says so", () => {
    expect(resolveTraffic(route("hello"), sources(world))).toMatchObject({
      targets: [{ revisionName: "hello-00002", percent: 100, latestRevision: true }],
    });
  });

  test("each tag has a group of its own that gets everything, even at 0 percent", () => {
    const spec = [
      { configurationName: "hello", percent: 100, tag: "current" },
      { revisionName: "hello-00001", percent: 0, tag: "old" },
    ];
    expect(groupsOf(spec)).toEqual({
      "": [
        ["hello-00002", 100],
        ["hello-00001", 0],
      ],
      current: [["hello-00002", 100]],
      old: [["hello-00001", 100]],
    });
  });

  test("targets of the same Revision are merged, in the order in which they first appear", () => {
    const spec = [
      { revisionName: "hello-00001", percent: 30 },
      { configurationName: "hello", percent: 50 },
      { revisionName: "hello-00001", percent: 20 },
    ];
    expect(groupsOf(spec)).toEqual({
      "": [
        ["hello-00001", 50],
        ["hello-00002", 50],
      ],
    });
  });

  test("status keeps one row a target", () => {
    const spec = [
      { configurationName: "hello", percent: 60 },
      { revisionName: "hello-00002", percent: 40 },
    ];
    const traffic = resolveTraffic(routeTo(spec), sources(world));
    expect(traffic).toMatchObject({
      targets: [
        { latestRevision: true, percent: 60 },
        { latestRevision: false, percent: 40 },
      ],
    });
  });
});

describe("targets at fault", () => {
  const pinned = [{ revisionName: "hello-00001", percent: 100 }];

  test("a Configuration that does not exist", () => {
    expect(groupsOf(undefined, [])).toEqual({ problem: "missing", kind: "Configuration", name: "hello" });
  });

  test("a Configuration that has no ready Revision yet, and one that failed", () => {
    expect(groupsOf(undefined, [configuration("hello")])).toMatchObject({ problem: "unready" });
    const failed = configuration("hello", hasFailed);
    expect(groupsOf(undefined, [failed])).toMatchObject({ problem: "failed", kind: "Configuration" });
  });

  test("a Revision that is missing, not ready, or failed", () => {
    expect(groupsOf(pinned, [])).toEqual({ problem: "missing", kind: "Revision", name: "hello-00001" });
    expect(groupsOf(pinned, [revision("hello-00001")])).toMatchObject({ problem: "unready", kind: "Revision" });
    expect(groupsOf(pinned, [revision("hello-00001", hasFailed)])).toMatchObject({ problem: "failed" });
  });

  test("a Revision of another Service", () => {
    const foreign = revision("hello-00001", isReady, withLabels({ "serving.knative.dev/service": "other" }));
    expect(groupsOf(pinned, [foreign])).toEqual({
      problem: "foreign",
      target: { revisionName: "hello-00001", serviceName: "hello", actualServiceName: "other" },
    });
  });

  test("a lasting fault is told rather than one that may mend itself", () => {
    const spec = [
      { revisionName: "gone", percent: 50 },
      { revisionName: "hello-00001", percent: 50 },
    ];
    expect(groupsOf(spec, [revision("hello-00001")])).toMatchObject({ problem: "missing", name: "gone" });
  });

  test("the latest ready Revision keeps its traffic while it is unwell", () => {
    const unwell = revision("hello-00002", hasFailed);
    expect(groupsOf(undefined, [configuration("hello", latestReady), unwell])).toEqual({
      "": [["hello-00002", 100]],
    });
  });
});

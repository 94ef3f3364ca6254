import { describe, expect, test } from "@jest/globals";
import { parseServingConfig, type GarbageCollectionConfig } from "@kelvin/api/serving/config";
import { withAnnotations, withLabels, type Change } from "@kelvin/testkit";
import { createdAt, revision } from "../../test/builders.ts";
import { decideStaleRevisions } from "./stale-revisions.ts";

const reserve = withLabels({ "serving.knative.dev/routingState": "reserve" });
const lastActive = (time: string) => withAnnotations({ "serving.knative.dev/routingStateModified": time });
const old = (name: string, day: number, ...changes: Change[]) =>
  revision(name, reserve, createdAt("2025-01-01T00:00:00Z"), lastActive(`2026-01-0${day}T00:00:00Z`), ...changes);
const hours = 3_600_000;

function decide(revisions: ReturnType<typeof revision>[], policy: Partial<GarbageCollectionConfig> = {}): string[] {
  const stale = decideStaleRevisions(revisions, {
    policy: { ...parseServingConfig().gc, minNonActiveRevisions: 0, ...policy },
    latestReadyRevisionName: "hello-00009",
    nowMs: Date.parse("2026-01-10T00:00:00Z"),
  });
  return stale.map(({ metadata }) => metadata.name ?? "");
}

describe("which Revisions may go", () => {
  test("those without traffic for long enough, longest first", () => {
    expect(decide([old("hello-00001", 5), old("hello-00002", 3), old("hello-00003", 9)])).toEqual([
      "hello-00002",
      "hello-00001",
      "hello-00003",
    ]);
    const policy = { retainSinceLastActiveTimeMs: 72 * hours };
    expect(decide([old("hello-00001", 5), old("hello-00003", 9)], policy)).toEqual(["hello-00001"]);
  });

  test("never the latest ready one, one with traffic, or one that is to be kept", () => {
    expect(
      decide([
        old("hello-00009", 1),
        revision("hello-00001", lastActive("2025-01-01T00:00:00Z")),
        old("hello-00002", 1, withAnnotations({ "serving.knative.dev/no-gc": "True" })),
      ]),
    ).toEqual([]);
  });

  test("a minimum stays, whatever its age", () => {
    const three = [old("hello-00001", 1), old("hello-00002", 2), old("hello-00003", 3)];
    expect(decide(three, { minNonActiveRevisions: 2 })).toEqual(["hello-00001"]);
    expect(decide(three, { minNonActiveRevisions: 3 })).toEqual([]);
  });

  test("beyond the maximum the oldest go, whatever their age", () => {
    const off = { retainSinceCreateTimeMs: undefined, retainSinceLastActiveTimeMs: undefined };
    const three = [old("hello-00001", 1), old("hello-00002", 2), old("hello-00003", 3)];
    expect(decide(three, off)).toEqual([]);
    expect(decide(three, { ...off, maxNonActiveRevisions: 1 })).toEqual(["hello-00001", "hello-00002"]);
    expect(decide(three, { ...off, maxNonActiveRevisions: 0 })).toEqual(["hello-00001", "hello-00002", "hello-00003"]);
  });
});

import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { Destination, KReference } from "@kelvin/api/duck";
import { silentLog } from "@kelvin/controller";
import {
  CustomResourceDefinition,
  ForbiddenError,
  keyText,
  NotFoundError,
  UnavailableError,
  type KubeObject,
} from "@kelvin/kube";
import { coreService, fakeClock, openFakeKube, type FakeCall, type FakeClock, type FakeKube } from "@kelvin/testkit";
import type { Destinations, Tracker } from "./destinations.ts";
import { openDestinations } from "./open-destinations.ts";
import { guessPlural, parseKindName } from "./reference-kind.ts";

let clock: FakeClock;
let kube: FakeKube;
let destinations: Destinations;
let tracker: Tracker;
let woken: string[];

beforeEach(() => {
  clock = fakeClock();
  kube = openFakeKube({ clock });
  open({});
});

afterEach(async () => {
  await destinations.close();
  expect(clock.pendingTimers).toBe(0);
});

function open(options: { kindsMax?: number }): void {
  destinations = openDestinations({ kube, clock, log: silentLog, ...options });
  tracker = destinations.openTracker();
  woken = [];
  tracker.wakes.subscribe((key) => woken.push(keyText(key)));
}

const asker = { namespace: "default", name: "t" };
const gizmoRef: KReference = { apiVersion: "example.com/v1", kind: "Gizmo", namespace: "default", name: "g" };

function gizmo(url?: string, more: object = {}): KubeObject {
  return {
    apiVersion: "example.com/v1",
    kind: "Gizmo",
    metadata: { name: "g", namespace: "default" },
    ...(url === undefined ? {} : { status: { address: { url } } }),
    ...more,
  };
}

/** Answers as a reconcile of `asker` that looks up these, in words. */
async function ask(...given: Destination[]): Promise<string[]> {
  return tracker.asking(asker, async ({ resolve }) => {
    const answers: string[] = [];
    for (const destination of given) {
      const resolution = await resolve(destination);
      answers.push(resolution.ok ? resolution.address.url : `no: ${resolution.problem}`);
    }
    return answers;
  });
}

function definition(plural: string, versions: string[], scope = "Namespaced"): CustomResourceDefinition {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: "example.com",
      names: { kind: "Gizmo", plural },
      scope,
      versions: versions.map((name, index) => ({ name, served: true, storage: index === versions.length - 1 })),
    },
  };
}

const lists = (plural: string): ((call: FakeCall) => boolean) => {
  return ({ verb, kind }) => verb === "list" && kind.plural === plural;
};

describe("where a destination leads to", () => {
  test("a URI, a Service, any object with an address, and a URI relative to it", async () => {
    kube.put(coreService("web"));
    kube.put(gizmo("http://gizmo.default/in/box"));
    const ref = { apiVersion: "v1", kind: "Service", namespace: "default", name: "web" };
    expect(
      await ask(
        { uri: "http://a.example/" },
        { ref },
        { ref: gizmoRef },
        { ref: gizmoRef, uri: "out" },
        { ref, uri: "/p" },
      ),
    ).toEqual([
      "http://a.example/",
      "http://web.default.svc.cluster.local",
      "http://gizmo.default/in/box",
      "http://gizmo.default/in/out",
      "http://web.default.svc.cluster.local/p",
    ]);
  });

  test("certificates and audience are carried", async () => {
    const address = { url: "https://g/", CACerts: "theirs", audience: "them" };
    kube.put(gizmo(undefined, { status: { addresses: [address] } }));
    const [theirs, ours] = await tracker.asking(asker, ({ resolve }) =>
      Promise.all([resolve({ ref: gizmoRef }), resolve({ ref: gizmoRef, CACerts: "ours", audience: "us" })]),
    );
    expect(theirs).toEqual({ ok: true, address });
    expect(ours).toEqual({ ok: true, address: { url: "https://g/", CACerts: "ours", audience: "us" } });
  });

  test.each([
    [{ ref: { ...gizmoRef, name: "" } }, "no: ref must have apiVersion, kind and name, as Kubernetes spells them"],
    [
      { ref: { ...gizmoRef, kind: "../secrets" } },
      "no: ref must have apiVersion, kind and name, as Kubernetes spells them",
    ],
    [{ ref: gizmoRef }, "no: Gizmo default/g does not exist"],
    [{}, "no: destination missing Ref and URI, expected at least one"],
  ])("%j is a problem", async (destination, want) => {
    expect(await ask(destination)).toEqual([want]);
  });
});

describe("whoever asked is woken", () => {
  test("when the object appears, gets an address, gets another, and goes", async () => {
    expect(await ask({ ref: gizmoRef })).toEqual(["no: Gizmo default/g does not exist"]);
    const steps: [() => void | Promise<void>, string][] = [
      [() => kube.put(gizmo()), "no: address not set for Gizmo default/g"],
      [() => kube.put(gizmo("http://one/")), "http://one/"],
      [() => kube.put(gizmo("http://two/")), "http://two/"],
      [() => kube.delete(gizmoKind, { namespace: "default", name: "g" }), "no: Gizmo default/g does not exist"],
    ];
    for (const [change, want] of steps) {
      woken.length = 0;
      await change();
      await clock.settle();
      expect(woken).toEqual(["default/t"]);
      expect(await ask({ ref: gizmoRef })).toEqual([want]);
    }
  });

  test("but not by what does not count, nor by other objects, nor by what it no longer asks for", async () => {
    kube.put(gizmo("http://one/"));
    await ask({ ref: gizmoRef });
    kube.put(gizmo("http://one/", { spec: { size: 2 } }));
    kube.put({ ...gizmo("http://one/"), metadata: { name: "g", namespace: "other" } });
    await clock.settle();
    expect(woken).toEqual([]);
    await ask({ uri: "http://elsewhere/" });
    kube.put(gizmo("http://two/"));
    await clock.settle();
    expect(woken).toEqual([]);
  });

  test("not after it was forgotten; and after a failed reconcile for all that it ever asked", async () => {
    kube.put(gizmo("http://one/"));
    await ask({ ref: gizmoRef });
    await expect(tracker.asking(asker, () => Promise.reject(new Error("x")))).rejects.toThrow("x");
    kube.put(gizmo("http://two/"));
    await clock.settle();
    expect(woken).toEqual(["default/t"]);
    tracker.forget(asker);
    kube.put(gizmo("http://three/"));
    await clock.settle();
    expect(woken).toEqual(["default/t"]);
  });

  test("by an object that belongs to no namespace", async () => {
    const cluster: KubeObject & { status?: object } = { ...gizmo("http://one/"), metadata: { name: "g" } };
    kube.put(definition("gizmos", ["v1"], "Cluster"));
    kube.put(cluster);
    expect(await ask({ ref: gizmoRef })).toEqual(["http://one/"]);
    const moved: typeof cluster = { ...cluster, status: { address: { url: "http://two/" } } };
    kube.put(moved);
    await clock.settle();
    expect(woken).toEqual(["default/t"]);
  });
});

const gizmoKind = { group: "example.com", version: "v1", kind: "Gizmo", plural: "gizmos", namespaced: true };

describe("a kind", () => {
  test("that may not be read is a problem that says what to do, and is read once it may be", async () => {
    kube.put(definition("gizmos", ["v1"]));
    kube.put(gizmo("http://one/"));
    kube.intercept((call) => {
      if (lists("gizmos")(call)) throw new ForbiddenError("no");
    });
    expect(await ask({ ref: gizmoRef })).toEqual([
      'no: gizmos.example.com may not be read: a ClusterRole with label duck.knative.dev/addressable: "true" must allow get, list and watch of them',
    ]);
    kube.intercept(undefined);
    await clock.advance(30_000);
    expect(woken).toEqual(["default/t"]);
    expect(await ask({ ref: gizmoRef })).toEqual(["http://one/"]);
  });

  test.each([
    ["not found", new NotFoundError("the server could not find the requested resource")],
    // Who may read nothing of a group is told so before anybody looks whether there is such a thing.
    ["forbidden", new ForbiddenError("no")],
  ])("that does not exist, and so is %s, is a problem, until it does", async (_, error) => {
    kube.intercept((call) => {
      if (lists("gizmos")(call)) throw error;
    });
    expect(await ask({ ref: gizmoRef })).toEqual(["no: there is no Gizmo of example.com/v1 here"]);
    kube.intercept(undefined);
    kube.put(gizmo("http://one/"));
    await clock.advance(30_000);
    expect(await ask({ ref: gizmoRef })).toEqual(["http://one/"]);
  });

  test("with an irregular plural is found by its definition, under a version that is served", async () => {
    const served = definition("gizmata", ["v1", "v2"]);
    served.spec.versions.push({ name: "v9", served: false, storage: false });
    kube.put(served);
    kube.put(gizmo("http://one/"));
    const asked: string[] = [];
    kube.intercept(({ verb, kind }) => {
      if (verb === "list") asked.push(`${kind.plural} ${kind.version}`);
    });
    const { apiVersion: _, ...byGroup } = gizmoRef;
    expect(
      await ask(
        { ref: gizmoRef },
        { ref: { ...byGroup, group: "example.com" } },
        { ref: { ...gizmoRef, apiVersion: "example.com/v9" } },
      ),
    ).toEqual([
      "http://one/",
      "http://one/",
      "no: Gizmo of example.com/v9 is not served here; versions that are: v1, v2",
    ]);
    expect(asked.filter((text) => text.startsWith("gizmata"))).toEqual(["gizmata v1", "gizmata v2"]);
  });

  test("is looked up by the rule of Kubernetes' clients where definitions may not be read", async () => {
    kube.put(gizmo("http://one/"));
    kube.intercept(({ kind }) => {
      if (kind.kind === CustomResourceDefinition.kind) throw new ForbiddenError("no");
    });
    expect(await ask({ ref: gizmoRef })).toEqual(["http://one/"]);
    expect(["Broker", "Gateway", "Bus", "Policy", "Endpoints"].map(guessPlural)).toEqual([
      "brokers",
      "gatewaies",
      "buses",
      "policies",
      "endpoints",
    ]);
  });

  test("of which nothing is known for now fails the reconcile, so that nothing is forgotten", async () => {
    kube.intercept(() => {
      throw new UnavailableError("away");
    });
    const asked = ask({ ref: gizmoRef });
    const failed = expect(asked).rejects.toThrow(UnavailableError);
    await clock.advance(5_000);
    await failed;
    // Whoever asks then must not wait as well: there may be many, and they would keep others from their turn.
    await expect(ask({ ref: gizmoRef })).rejects.toThrow(UnavailableError);
    kube.intercept(undefined);
    await clock.advance(30_000);
    expect(await ask({ ref: gizmoRef })).toEqual(["no: Gizmo default/g does not exist"]);
  });

  test("is watched once for all who ask, and no longer than somebody does", async () => {
    let watches = 0;
    kube.intercept(({ verb, kind }) => {
      if (verb === "watch" && kind.kind === "Gizmo") watches += 1;
    });
    const other = destinations.openTracker();
    await ask({ ref: gizmoRef });
    await other.asking(asker, ({ find }) => find({ ...gizmoRef, name: "h" }));
    expect(watches).toBe(1);
    await ask();
    await clock.advance(600_000);
    other.forget(asker);
    await clock.advance(299_000);
    await ask({ ref: gizmoRef });
    await clock.advance(300_000);
    await ask({ ref: gizmoRef });
    expect(watches).toBe(1);
    tracker.forget(asker);
    await clock.advance(300_000);
    await ask({ ref: gizmoRef });
    expect(watches).toBe(2);
  });

  test("too many is refused, until there is room", async () => {
    await destinations.close();
    open({ kindsMax: 1 });
    kube.put(coreService("web"));
    const web = { ref: { apiVersion: "v1", kind: "Service", namespace: "default", name: "web" } };
    expect(await ask({ ref: gizmoRef }, web)).toEqual([
      "no: Gizmo default/g does not exist",
      "no: Service of v1 is one kind too many: 1 are referred to",
    ]);
    await ask();
    expect(await ask(web)).toEqual(["http://web.default.svc.cluster.local"]);
    expect(woken).toEqual(["default/t"]);
  });
});

test.each([
  [
    { apiVersion: "v1", kind: "Service" },
    { group: "", version: "v1", kind: "Service" },
  ],
  [
    { group: "example.com", kind: "Gizmo" },
    { group: "example.com", kind: "Gizmo" },
  ],
  [{ apiVersion: "/v1", kind: "A" }, undefined],
  [{ apiVersion: "a/b/c", kind: "A" }, undefined],
  [{ apiVersion: "..", kind: "A" }, undefined],
  [{ apiVersion: "a..b/v1", kind: "A" }, undefined],
  [{ apiVersion: "v1", kind: "A/b?x" }, undefined],
  [{ kind: "A" }, undefined],
])("the kind of %j", (ref, want) => {
  expect(parseKindName(ref)).toEqual(want);
});

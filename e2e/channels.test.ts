import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { readFileSync } from "node:fs";
import { describeHere, openCluster, type Cluster } from "./cluster.ts";
import { applyAll, openRecorder, readiness, receive, recorded, send, sendKept, show, waitReady } from "./events.ts";
import {
  addressOf,
  busChannel,
  busOptions,
  busSubscription,
  busYaml,
  channelNamed,
  missingBuses,
  otherBus,
  subscriptionNamed,
} from "./founding-channels.ts";
import { eventually } from "./http.ts";
import { kubectlFor, type Kubectl } from "./kubectl.ts";
import { probeService } from "./manifests.ts";
import { signalService } from "./service-process.ts";

// Bus, ClusterBus, Channel and Subscription of channels.knative.dev, through real processes and the real kubectl, with RBAC
// enforced: on every bus that can run here, and on one of a third party.

const sample = "samples/founding-channels";

let cluster: Cluster;
let kubectl: Kubectl;

beforeAll(async () => {
  cluster = await openCluster(busOptions);
  kubectl = kubectlFor(cluster);
  const annotations = { "autoscaling.knative.dev/min-scale": "1" };
  const recorder = probeService({ name: "recorder", image: "dev.local/event-recorder", annotations });
  await applyAll(kubectl, [JSON.parse(recorder) as object]);
  await kubectl("wait", "--for=condition=Ready", "ksvc/recorder", "clusterbus/stub", "--timeout=60s");
}, 180_000);

afterAll(() => cluster.close(), 60_000);

/** Applies YAML. @throws Error with kubectl's words. */
async function apply(yaml: string, ...options: string[]): Promise<void> {
  const { code, stderr } = await kubectl.withInput(yaml, "apply", "-f", "-", ...options);
  if (code !== 0) throw new Error(stderr);
}

/** A Channel on the bus in memory unless another is named, and a Subscription to it, both Ready. */
async function makeChannel(name: string, spec: Parameters<typeof busSubscription>[1] = {}): Promise<void> {
  await applyAll(kubectl, [busChannel(name, { clusterBus: "stub" }), busSubscription(name, spec)]);
  await waitReady(kubectl, channelNamed(name), subscriptionNamed(name));
}

const conditionOf = async (name: string, type: string): Promise<string> => {
  const found = (await show(kubectl, name)).status?.conditions?.find((condition) => condition.type === type);
  return `${found?.status ?? ""} ${found?.reason ?? ""} ${found?.message ?? ""}`;
};

describeHere("the YAML of 2018", () => {
  const rows = ["stub", "kafka", "gcppubsub"].flatMap((bus) => [
    { folder: "buses" as const, bus },
    { folder: "cluster-buses" as const, bus },
  ]);
  for (const { folder, bus } of rows) {
    const missing = missingBuses[bus];
    const name = `${folder}/${bus}.yaml moves messages, by both forms of the host`;
    (missing === undefined ? test : test.skip)(
      missing === undefined ? name : `${name} [NOT RUN: ${missing}]`,
      async () => {
        const namespace = `${folder}-${bus}`;
        const home = folder === "buses" ? namespace : "knative-eventing";
        const inNamespace = ["-n", namespace];
        await kubectl("create", "namespace", namespace);
        if (bus === "gcppubsub") {
          await kubectl("create", "secret", "generic", "gcppubsub-bus-key", "--from-literal=key.json={}", "-n", home);
        }
        await apply(busYaml(folder, bus), ...(folder === "buses" ? inNamespace : []));
        const channel = readFileSync(`${sample}/channel.yaml`, "utf8");
        const place = folder === "buses" ? `bus: ${bus}` : `clusterBus: ${bus}`;
        await apply(channel.replace("clusterBus: stub", place), ...inNamespace);
        const kind = folder === "buses" ? "bus" : "clusterbus";
        await kubectl("wait", "--for=condition=Ready", `${kind}/${bus}`, "--timeout=60s", ...inNamespace);
        await kubectl("rollout", "status", "deployment/subscriber", "--timeout=60s", ...inNamespace);
        for (const each of [channelNamed("aloha"), subscriptionNamed("aloha-subscriber")]) {
          await eventually(
            async () => (await readiness(kubectl, each, ...inNamespace)) === "True",
            60_000,
            `${each} Ready`,
          );
        }
        await kubectl("apply", "-f", `${sample}/send.yaml`, ...inNamespace);
        await eventually(
          async () => {
            const log = await kubectl("logs", "deploy/subscriber", ...inNamespace);
            return log.includes("aloha by svc") && log.includes("aloha by channels");
          },
          60_000,
          "both messages",
        );
        await kubectl("delete", "namespace", namespace, "--timeout=60s");
      },
    );
  }
});

describeHere("a third party's bus", () => {
  test("runs as it is written, says itself what it serves, and may no more than that", async () => {
    const provisioner = { image: "dev.local/other-bus", args: ["never", "looked", "at"] };
    await applyAll(kubectl, [
      otherBus("Bus", "theirs", { provisioner }),
      busChannel("their-channel", { bus: "theirs" }),
      busSubscription("their-channel"),
    ]);
    await waitReady(kubectl, "bus/theirs", channelNamed("their-channel"), subscriptionNamed("their-channel"));
    expect(await conditionOf(channelNamed("their-channel"), "Provisioned")).toContain("True OtherBus");
    await sendKept(cluster, addressOf("their-channel"), { body: "hers" });
    const [message] = await receive(cluster, "/their-channel");
    expect(message).toMatchObject({ body: "hers", headers: { "x-other-bus": "theirs" } });
    const { stdout } = await kubectl.attempt("get", "deploy/theirs-bus-provisioner", "-o", "jsonpath={.spec..args}");
    expect(stdout).toContain("looked");
    const as = "--as=system:serviceaccount:default:theirs-bus";
    expect((await kubectl.attempt("auth", "can-i", "get", "secrets", as)).stdout.trim()).toBe("no");
    expect(
      (await kubectl.attempt("auth", "can-i", "get", channelNamed("x").split("/")[0] ?? "", as)).stdout.trim(),
    ).toBe("yes");
  });

  test("may be there for all namespaces, and what it served goes with it", async () => {
    await applyAll(kubectl, [
      otherBus("ClusterBus", "of-all"),
      busChannel("of-all", { clusterBus: "of-all" }),
      busSubscription("of-all"),
    ]);
    await waitReady(kubectl, "clusterbus/of-all", channelNamed("of-all"), subscriptionNamed("of-all"));
    await sendKept(cluster, addressOf("of-all"));
    expect((await receive(cluster, "/of-all"))[0]?.headers).toMatchObject({ "x-other-bus": "of-all" });
    await kubectl("delete", "clusterbus", "of-all", "--timeout=20s");
    await eventually(async () => (await readiness(kubectl, channelNamed("of-all"))) === "False BusNotFound");
    await eventually(
      async () =>
        (await kubectl.attempt("get", "deploy/of-all-clusterbus-dispatcher", "-n", "knative-eventing")).code !== 0,
    );
    await kubectl("delete", channelNamed("of-all"), subscriptionNamed("of-all"), "--timeout=30s");
  });
});

describeHere("messages", () => {
  test.each([
    ["text", { "content-type": "text/plain" }, "just text"],
    ["nothing at all", {}, ""],
    ["a structured event that is no JSON", { "content-type": "application/cloudevents+json" }, "{"],
    ["a CloudEvent of an unknown version", { "ce-specversion": "19.0", "ce-id": "1" }, "x"],
  ])("that are no CloudEvents go on as they come: %s", async (what, headers, body) => {
    const name = `${what.toLowerCase().replaceAll(/[^a-z]+/g, "-")}-goes`;
    await makeChannel(name);
    const none = { "ce-specversion": undefined, "ce-id": undefined, "ce-source": undefined, "ce-type": undefined };
    const more = { ...none, "content-type": undefined, "knative-thing": "kept", authorization: "dropped", ...headers };
    await sendKept(cluster, addressOf(name), { headers: more, body });
    const [message] = await receive(cluster, `/${name}`);
    expect(message?.body).toBe(body);
    expect(message?.headers).toMatchObject({ ...headers, "knative-thing": "kept" });
    expect(message?.headers).not.toHaveProperty("authorization");
  });

  test("answers that have a body go to replyTo", async () => {
    const replyTo = "http://recorder.default.svc.cluster.local/answers";
    await makeChannel("asks", { path: "/asks?code=200&body=an+answer", replyTo });
    await sendKept(cluster, addressOf("asks"), { headers: { "knative-correlation-id": "c1" } });
    const [answer] = await receive(cluster, "/answers");
    expect(answer).toMatchObject({ body: "an answer", headers: { "knative-correlation-id": "c1" } });
  });

  test("are posted to / of a Channel that is there", async () => {
    await makeChannel("strict");
    expect((await send(cluster, addressOf("strict"), { method: "GET" })).status).toBe(405);
    expect((await send(cluster, `${addressOf("strict")}more`)).status).toBe(404);
    expect((await send(cluster, addressOf("nobody"))).status).toBe(404);
  });
});

describeHere("bad input", () => {
  const founding = { apiVersion: "channels.knative.dev/v1alpha1" };
  const foundingStub = { image: "github.com/knative/eventing/pkg/buses/stub/dispatcher" };

  test("kubectl is told which field is wrong", async () => {
    const parameters = { channel: [{ name: "no good" }] };
    await makeChannel("frozen");
    const refusals: [object, RegExp][] = [
      [busChannel("bad", {}), /spec\.bus.*spec\.clusterBus|one/i],
      [busChannel("bad", { bus: "a", clusterBus: "b" }), /spec\.bus.*spec\.clusterBus|one/i],
      [busChannel("frozen", { clusterBus: "kafka" }), /spec\.clusterBus|immutable/i],
      [otherBus("Bus", "bad", { parameters }), /spec\.parameters\.channel\[0\]\.name/],
      [otherBus("Bus", "bad", { dispatcher: {} }), /spec\.dispatcher\.image/],
    ];
    for (const [object, words] of refusals) await expect(applyAll(kubectl, [object])).rejects.toThrow(words);
  });

  test("a bus that is not there is said within five seconds, with those that are", async () => {
    await applyAll(kubectl, [busChannel("astray", { clusterBus: "nosuch" }), busChannel("beside", { bus: "stub" })]);
    await eventually(async () => (await readiness(kubectl, channelNamed("astray"))) === "False BusNotFound", 5_000);
    await eventually(async () => (await readiness(kubectl, channelNamed("beside"))) === "False BusNotFound", 5_000);
    expect(await conditionOf(channelNamed("astray"), "Ready")).toContain("stub");
  });

  test("an argument that its bus asks for is missed in seconds", async () => {
    const parameters = { channel: [{ name: "flavour" }], subscription: [{ name: "colour" }] };
    await applyAll(kubectl, [
      { ...founding, kind: "Bus", metadata: { name: "picky" }, spec: { parameters, dispatcher: foundingStub } },
      busChannel("plain", { bus: "picky" }),
      busSubscription("plain"),
    ]);
    await eventually(
      async () => (await conditionOf(channelNamed("plain"), "Provisioned")).startsWith("False MissingArguments"),
      10_000,
    );
    expect(await conditionOf(channelNamed("plain"), "Provisioned")).toContain("flavour");
    await eventually(
      async () => (await conditionOf(subscriptionNamed("plain"), "Dispatching")).includes("colour"),
      10_000,
    );
  });

  test("a bus may go while its Channels live; nothing of them hangs", async () => {
    await applyAll(kubectl, [
      { ...founding, kind: "Bus", metadata: { name: "going" }, spec: { dispatcher: foundingStub } },
      busChannel("left", { bus: "going" }),
      busSubscription("left"),
    ]);
    await waitReady(kubectl, "bus/going", channelNamed("left"), subscriptionNamed("left"));
    await kubectl("delete", "bus", "going", "--timeout=20s");
    await eventually(async () => (await readiness(kubectl, channelNamed("left"))) === "False BusNotFound");
    await kubectl("delete", channelNamed("left"), subscriptionNamed("left"), "--timeout=20s");
  });

  test("a namespace goes with buses, Channels and Subscriptions in it, whatever state they are in", async () => {
    const namespace = "going";
    await kubectl("create", "namespace", namespace);
    const objects = [
      otherBus("Bus", "theirs"),
      ...["theirs", "nosuch"].flatMap((bus) => [busChannel(bus, { bus }), busSubscription(bus)]),
      busChannel("ours", { clusterBus: "stub" }),
      busSubscription("ours"),
      busSubscription("astray", { channel: "nobody" }),
    ];
    await applyAll(kubectl, objects, "-n", namespace);
    await eventually(async () => (await readiness(kubectl, subscriptionNamed("ours"), "-n", namespace)) === "True");
    await kubectl("delete", "namespace", namespace, "--timeout=60s");
  });
});

describeHere("kill -9", () => {
  const takenAt = async (path: string): Promise<string[]> =>
    (await recorded(cluster, path)).filter(({ status }) => status === 204).map(({ body }) => body);
  const sendUntilKept = (name: string, body: string): Promise<boolean> =>
    eventually(async () => (await send(cluster, addressOf(name), { body })).status === 202, 60_000, `${name} up again`);

  test("of the bus in memory: what it had not delivered is lost, what comes after is not", async () => {
    await makeChannel("in-memory", { path: "/in-memory?until=in-memory" });
    await sendKept(cluster, addressOf("in-memory"), { body: "lost" });
    await receive(cluster, "/in-memory");
    const [bus] = [{ app: "eventing-bus", variable: "BUS_NAME=stub" }];
    signalService(cluster, bus, "SIGKILL");
    await sendUntilKept("in-memory", "kept");
    await openRecorder(cluster, "in-memory");
    await eventually(async () => (await takenAt("/in-memory")).includes("kept"));
    expect(await takenAt("/in-memory")).toEqual(["kept"]);
  });

  const missing = missingBuses["kafka"];
  const name = "of the bus on Kafka: nothing is lost";
  (missing === undefined ? test : test.skip)(
    missing === undefined ? name : `${name} [NOT RUN: ${missing}]`,
    async () => {
      await applyAll(kubectl, [
        busChannel("on-kafka", { clusterBus: "kafka" }),
        busSubscription("on-kafka", { path: "/on-kafka?until=on-kafka" }),
      ]);
      await waitReady(kubectl, channelNamed("on-kafka"), subscriptionNamed("on-kafka"));
      for (const body of ["a", "b", "c"]) await sendKept(cluster, addressOf("on-kafka"), { body });
      await receive(cluster, "/on-kafka", 3);
      signalService(cluster, { app: "eventing-bus", variable: "BUS_NAME=kafka" }, "SIGKILL");
      await sendUntilKept("on-kafka", "d");
      await openRecorder(cluster, "on-kafka");
      const all = await eventually(
        async () => {
          const bodies = new Set(await takenAt("/on-kafka"));
          return bodies.size >= 4 && [...bodies].toSorted((one, other) => one.localeCompare(other));
        },
        90_000,
        "all four",
      );
      expect(all).toEqual(["a", "b", "c", "d"]);
    },
  );
});

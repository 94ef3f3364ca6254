import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { spawn, spawnSync } from "node:child_process";
import { describeHere, networkOptions, openCluster, type Cluster } from "./cluster.ts";
import {
  applyAll,
  atRecorder,
  broker,
  openRecorder,
  readiness,
  receive,
  recorded,
  send,
  sendKept,
  show,
  trigger,
  waitReady,
} from "./events.ts";
import { eventually } from "./http.ts";
import { readMachineState } from "./machine-state.ts";
import { kubectlFor, type Kubectl } from "./kubectl.ts";
import { probeService } from "./manifests.ts";
import { signalService } from "./service-process.ts";

// Events through real processes and the real kubectl, with RBAC enforced: one Kelvin with both buses, on which NATS is the
// default. The Brokers here are on the bus in memory unless their name says otherwise.

const hasNats = spawnSync("nats-server", ["--version"]).status === 0 && networkOptions.length === 0;
const testNats = hasNats ? test : test.skip;
const natsReason = hasNats ? "" : " [NOT RUN: needs nats-server on PATH, and namespaces]";

const json = (more: string): string => `application/cloudevents${more}+json`;

const inMemory = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "in-memory" },
  data: { "channel-template-spec": "apiVersion: messaging.knative.dev/v1\nkind: InMemoryChannel\n" },
};
const memory = { config: "in-memory" };
const main = "http://broker-ingress.knative-eventing.svc.cluster.local/default/main";

let cluster: Cluster;
let kubectl: Kubectl;
/** The sample waits for its sink to sleep, so it runs beside the tests. */
let sample: Promise<{ code: number | null; out: string }>;

beforeAll(async () => {
  cluster = await openCluster(hasNats ? ["--bus", "nats"] : []);
  kubectl = kubectlFor(cluster);
  sample = runSample("samples/broker-trigger/run.js");
  const annotations = { "autoscaling.knative.dev/min-scale": "1" };
  const recorder = JSON.parse(
    probeService({ name: "recorder", image: "dev.local/event-recorder", annotations }),
  ) as object;
  await applyAll(kubectl, [inMemory, recorder, broker("main", memory)]);
  await kubectl("wait", "--for=condition=Ready", "ksvc/recorder", "broker/main", "--timeout=30s");
}, 120_000);

afterAll(async () => {
  await sample;
  await cluster.close();
}, 60_000);

function runSample(file: string): Promise<{ code: number | null; out: string }> {
  const child = spawn(process.execPath, [file], { env: { ...process.env, KUBECONFIG: cluster.kubeconfig } });
  let out = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => void (out += chunk.toString()));
  return new Promise((resolve) => void child.once("close", (code) => resolve({ code, out })));
}

const idsAt = async (path: string): Promise<string[]> =>
  (await recorded(cluster, path)).map(({ headers }) => headers["ce-id"] ?? "").toSorted(compare);
const addressOf = async (name: string): Promise<string> => (await show(kubectl, name)).status?.address?.url ?? "";
const compare = (left: string, right: string): number => left.localeCompare(right);

/** A Trigger whose subscriber refuses until `openRecorder`. */
const waiting = (name: string, of: string): object =>
  trigger(name, {
    broker: of,
    path: `/${name}?until=${name}`,
    filter: { attributes: { type: name } },
    delivery: { retry: 100, backoffPolicy: "linear", backoffDelay: "PT0.5S" },
  });

async function sendUntilKept(address: string, event: Parameters<typeof sendKept>[2]): Promise<void> {
  await eventually(async () => (await send(cluster, address, event)).status === 202, 30_000, `${address} up again`);
}

async function takenAt(path: string): Promise<string[]> {
  const events = await recorded(cluster, path);
  return events.filter(({ status }) => status === 204).map(({ headers }) => headers["ce-id"] ?? "");
}

describeHere("kill -9 of the bus on NATS", () => {
  testNats(`while it holds events${natsReason}`, async () => {
    await applyAll(kubectl, [broker("on-nats"), waiting("nats-waits", "on-nats")]);
    await waitReady(kubectl, "broker/on-nats", "trigger/nats-waits");
    const address = await addressOf("broker/on-nats");
    expect(address).toContain("http://nats-clusterbus.knative-eventing.");
    for (const id of ["a", "b", "c"]) await sendKept(cluster, address, { id, type: "nats-waits" });
    await receive(cluster, "/nats-waits", 3);
    signalService(cluster, { app: "eventing-bus", variable: "BUS_NAME=nats" }, "SIGKILL");
    await openRecorder(cluster, "nats-waits");
  });
  // What it held is given to another after 30 s without a sign of life; the last test sees what came of it.
});

describeHere("brokers and triggers", () => {
  test("columns and descriptions are Knative's", async () => {
    await applyAll(kubectl, [trigger("columns", { broker: "main", filter: { attributes: { type: "none" } } })]);
    await waitReady(kubectl, "trigger/columns");
    const table = await kubectl("get", "broker/main", "trigger/columns");
    expect(table).toMatch(/NAME\s+URL\s+AGE\s+READY\s+REASON/);
    expect(table).toMatch(
      new RegExp(String.raw`broker\S*/main\s+${main.replaceAll(".", String.raw`\.`)}\s+\S+\s+True`),
    );
    expect(table).toMatch(/NAME\s+BROKER\s+SUBSCRIBER_URI\s+AGE\s+READY\s+REASON/);
    expect(table).toMatch(
      /trigger\S*\/columns\s+main\s+http:\/\/recorder\.default\.svc\.cluster\.local\/columns\s+\S+\s+True/,
    );
    expect(await kubectl("explain", "trigger.spec.filters")).toContain("Which events are wanted");
    expect(await kubectl("get", "eventing", "-o", "name")).toContain("broker.eventing.knative.dev/main");
  });

  test("filters", async () => {
    const filters: Record<string, object> = {
      attributes: { filter: { attributes: { type: "shop.order", source: "/e2e" } } },
      exact: { filters: [{ exact: { type: "shop.order" } }] },
      prefix: { filters: [{ prefix: { type: "shop." } }] },
      suffix: { filters: [{ suffix: { type: ".order" } }] },
      any: { filters: [{ any: [{ exact: { type: "shop.order" } }, { exact: { type: "shop.bill" } }] }] },
      not: { filters: [{ prefix: { type: "shop." } }, { not: { exact: { type: "shop.order" } } }] },
    };
    const names = Object.keys(filters);
    await applyAll(kubectl, [
      ...names.map((name) => trigger(name, { broker: "main", ...filters[name] })),
      trigger("end", { broker: "main", filter: { attributes: { type: "end" } } }),
    ]);
    await waitReady(kubectl, ...names.map((name) => `trigger/${name}`), "trigger/end");
    for (const type of ["shop.order", "shop.bill", "farm.order"]) await sendKept(cluster, main, { id: type, type });
    await sendKept(cluster, main, { type: "end" });
    await receive(cluster, "/end");
    await receive(cluster, "/any", 2);
    const ids = await Promise.all(names.map((name) => idsAt(`/${name}`)));
    expect(Object.fromEntries(names.map((name, index) => [name, ids[index]]))).toEqual({
      attributes: ["shop.order"],
      exact: ["shop.order"],
      prefix: ["shop.bill", "shop.order"],
      suffix: ["farm.order", "shop.order"],
      any: ["shop.bill", "shop.order"],
      not: ["shop.bill"],
    });
  });

  test("an answer that is an event goes back to the Broker; headers of the event's own go along, others do not", async () => {
    await applyAll(kubectl, [
      trigger("asked", { broker: "main", path: "/asked?reply=answered", filter: { attributes: { type: "question" } } }),
      trigger("answered", { broker: "main", filter: { attributes: { type: "answered" } } }),
    ]);
    await waitReady(kubectl, "trigger/asked", "trigger/answered");
    const headers = { "x-request-id": "r1", authorization: "secret", "ce-extra": "kept" };
    await sendKept(cluster, main, { id: "q", type: "question", headers });
    const [reply] = await receive(cluster, "/answered");
    expect(reply).toMatchObject({ body: "reply", headers: { "ce-id": "q-", "ce-source": "/recorder" } });
    const [asked] = await recorded(cluster, "/asked");
    expect(asked?.headers).toMatchObject({ "x-request-id": "r1", "ce-extra": "kept", prefer: "reply" });
    expect(asked?.headers).not.toHaveProperty("authorization");
  });

  test("what cannot be delivered goes to the dead-letter sink with the reason, or is counted in status", async () => {
    const delivery = {
      retry: 1,
      backoffPolicy: "linear",
      backoffDelay: "PT0.1S",
      deadLetterSink: atRecorder("/letters"),
    };
    const filter = { attributes: { type: "doomed" } };
    await applyAll(kubectl, [
      trigger("with-sink", { broker: "main", path: "/with-sink?code=500&body=no+luck", filter, delivery }),
      trigger("without-sink", { broker: "main", path: "/without-sink?code=400", filter }),
    ]);
    await waitReady(kubectl, "trigger/with-sink", "trigger/without-sink");
    await sendKept(cluster, main, { id: "d", type: "doomed" });
    const [letter] = await receive(cluster, "/letters");
    expect(letter?.headers).toMatchObject({
      "ce-id": "d",
      "ce-knativeerrorcode": "500",
      "ce-knativeerrordest": expect.stringContaining("http://recorder.default.svc.cluster.local/with-sink"),
      "ce-knativeerrordata": Buffer.from("no luck").toString("base64"),
    });
    expect(await recorded(cluster, "/with-sink")).toHaveLength(2);
    await deadLetters("trigger/without-sink", "1");
  });

  test("a loop of replies ends", async () => {
    await applyAll(kubectl, [
      trigger("loop", { broker: "main", path: "/loop?reply=round", filter: { attributes: { type: "round" } } }),
    ]);
    await waitReady(kubectl, "trigger/loop");
    await sendKept(cluster, main, { type: "round" });
    // The last reply is refused, and so its original becomes a dead letter.
    await deadLetters("trigger/loop", "1");
    expect(await recorded(cluster, "/loop")).toHaveLength(255);
  });

  test("a Trigger may come before its Broker, which answers 404 once it is deleted", async () => {
    const late = main.replace("main", "late");
    await applyAll(kubectl, [trigger("early", { broker: "late" })]);
    await eventually(async () => (await readiness(kubectl, "trigger/early")) === "False BrokerDoesNotExist");
    await applyAll(kubectl, [broker("late", memory)]);
    await waitReady(kubectl, "broker/late", "trigger/early");
    await sendKept(cluster, late);
    await receive(cluster, "/early");
    await kubectl("delete", "broker", "late");
    expect((await send(cluster, late)).status).toBe(404);
    await eventually(async () => (await readiness(kubectl, "trigger/early")) === "False BrokerDoesNotExist");
  });

  test("events wait while their subscriber's Service is gone, and come when it is made anew", async () => {
    const direct = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "direct" },
      spec: { selector: { "serving.knative.dev/service": "recorder" }, ports: [{ port: 80, targetPort: 8080 }] },
    };
    const subscriber = { ref: { apiVersion: "v1", kind: "Service", name: "direct" }, uri: "/direct" };
    const filter = { attributes: { type: "direct" } };
    await applyAll(kubectl, [direct, trigger("direct", { broker: "main", subscriber, filter })]);
    await waitReady(kubectl, "trigger/direct");
    await sendKept(cluster, main, { id: "first", type: "direct" });
    await receive(cluster, "/direct");
    await kubectl("delete", "service", "direct");
    await eventually(async () => (await readiness(kubectl, "trigger/direct")) === "False SubscriberResolveFailed");
    expect(await show(kubectl, "trigger/direct")).not.toHaveProperty("status.subscriberUri");
    await sendKept(cluster, main, { id: "second", type: "direct" });
    await applyAll(kubectl, [direct]);
    await waitReady(kubectl, "trigger/direct");
    await receive(cluster, "/direct", 2);
    expect(await idsAt("/direct")).toEqual(["first", "second"]);
  });

  async function deadLetters(name: string, count: string): Promise<void> {
    const read = async (): Promise<string | undefined> =>
      (await show(kubectl, name)).status?.annotations?.["kelvin.dev/dead-letters"];
    await eventually(async () => (await read()) === count, 20_000, `${count} dead letters of ${name}`);
  }
});

describeHere("bad input", () => {
  test.each([
    ["an event without an id", 400, { headers: { "ce-id": undefined } }],
    ["no event at all", 400, { headers: { "ce-id": undefined, "ce-specversion": undefined, "ce-type": undefined } }],
    ["a version nobody knows", 400, { headers: { "ce-specversion": "19.0" } }],
    ["a structured event that is no JSON", 400, { headers: { "content-type": json("") }, body: "{" }],
    ["a batch that is no list", 400, { headers: { "content-type": json("-batch") }, body: "{}" }],
    ["a format nobody speaks", 415, { headers: { "content-type": "application/cloudevents+avro" } }],
    ["a body over the limit", 413, { body: "x".repeat(1024 * 1024 + 1) }],
    ["a GET", 405, { method: "GET" }],
  ] as const)("%s gets %i", async (_what, want, event) => {
    const { status, body } = await send(cluster, main, event);
    expect([status, body]).toEqual([want, expect.stringMatching(/\w/)]);
  });

  test("an address of nobody is a 404", async () => {
    expect((await send(cluster, main.replace("main", "nobody"))).status).toBe(404);
  });

  test("kubectl is told which field is wrong, and a class nobody serves is said within five seconds", async () => {
    const refusals: [object, RegExp][] = [
      [trigger("bad", { broker: "main", filters: [{ exact: { type: "" } }] }), /spec\.filters\[0\]\.exact\[type\]/],
      [trigger("bad", { broker: "main", filters: [{ cesql: "TRUE" }] }), /cesql/],
      [trigger("bad", { broker: "main", subscriber: { uri: "http://169.254.169.254/" } }), /spec\.subscriber\.uri/],
      [trigger("bad", { broker: "main", delivery: { retry: -1, backoffDelay: "5s" } }), /spec\.delivery/],
      [broker("main", { ...memory, class: "Kafka" }), /broker\.class|immutable/i],
    ];
    for (const [object, words] of refusals) await expect(applyAll(kubectl, [object])).rejects.toThrow(words);
    const startMs = performance.now();
    await applyAll(kubectl, [broker("strange", { class: "Strange" })]);
    await eventually(async () => (await readiness(kubectl, "broker/strange")) === "False BusNotFound", 5_000);
    expect(performance.now() - startMs).toBeLessThan(8_000);
    expect(JSON.stringify((await show(kubectl, "broker/strange")).status)).toContain("Strange");
  });
});

describeHere("channels and subscriptions", () => {
  test("every subscriber of a Channel gets each event, at its own path; columns are Knative's", async () => {
    await kubectl("apply", "-f", "samples/channel-subscription/channel-subscription.yaml");
    await waitReady(kubectl, "ch/orders", "sub/billing", "sub/shipping");
    await kubectl("rollout", "status", "deployment/subscribers", "--timeout=30s");
    await kubectl("apply", "-f", "samples/channel-subscription/send.yaml");
    await kubectl("wait", "--for=condition=Complete", "job/order", "--timeout=30s");
    const log = (): Promise<string> => kubectl("logs", "deploy/subscribers");
    await eventually(
      async () => /at \/billing: .*skates/.test(await log()) && /at \/shipping: .*skates/.test(await log()),
    );
    const table = await kubectl("get", "ch,sub");
    expect(table).toMatch(/NAME\s+URL\s+AGE\s+READY\s+REASON/);
    expect(table).toMatch(/orders\s+http:\/\/orders-kn-channel\.default\.svc\.cluster\.local\s+\S+\s+True/);
    expect(table).toMatch(/NAME\s+AGE\s+READY\s+REASON/);
  });
});

describeHere("kill -9", () => {
  test("of the eventing-controller: events go on, and what was applied meanwhile is done after", async () => {
    await applyAll(kubectl, [trigger("before", { broker: "main", filter: { attributes: { type: "killed" } } })]);
    await waitReady(kubectl, "trigger/before");
    signalService(cluster, { app: "eventing-bus", variable: "ROLE=control" }, "SIGKILL");
    await sendKept(cluster, main, { id: "k1", type: "killed" });
    await receive(cluster, "/before");
    await eventually(async () => {
      await applyAll(kubectl, [trigger("after", { broker: "main", filter: { attributes: { type: "killed" } } })]);
      return true;
    });
    await waitReady(kubectl, "trigger/after");
    await sendKept(cluster, main, { id: "k2", type: "killed" });
    await receive(cluster, "/after");
    expect(await idsAt("/after")).toEqual(["k2"]);
  });

  test("of the bus in memory: what it had not delivered is lost, what comes after is not", async () => {
    await applyAll(kubectl, [waiting("memory-waits", "main")]);
    await waitReady(kubectl, "trigger/memory-waits");
    await sendKept(cluster, main, { id: "lost", type: "memory-waits" });
    await receive(cluster, "/memory-waits");
    signalService(cluster, { app: "eventing-bus", variable: "BUS_NAME=stub" }, "SIGKILL");
    await sendUntilKept(main, { id: "kept", type: "memory-waits" });
    await openRecorder(cluster, "memory-waits");
    await eventually(async () => (await takenAt("/memory-waits")).includes("kept"));
    expect(await takenAt("/memory-waits")).toEqual(["kept"]);
  });
});

describeHere("the end", () => {
  test("a namespace with everything in it goes", async () => {
    const channel = { apiVersion: "messaging.knative.dev/v1", kind: "Channel" };
    await kubectl("create", "namespace", "going");
    const objects = [
      broker("b", memory),
      trigger("t", { broker: "b" }),
      { ...channel, metadata: { name: "c" } },
      {
        apiVersion: channel.apiVersion,
        kind: "Subscription",
        metadata: { name: "s" },
        spec: { channel: { ...channel, name: "c" }, subscriber: atRecorder("/going") },
      },
    ];
    await applyAll(kubectl, objects, "--namespace=going");
    await eventually(async () => (await readiness(kubectl, "trigger/t", "-n", "going")) === "True");
    await kubectl("delete", "namespace", "going", "--timeout=40s");
  });

  testNats(`of what the bus on NATS held when it was killed nothing is lost${natsReason}`, async () => {
    await sendUntilKept(await addressOf("broker/on-nats"), { id: "d", type: "nats-waits" });
    const all = await eventually(async () => {
      const ids = new Set(await takenAt("/nats-waits"));
      return ids.size >= 4 && [...ids].toSorted(compare);
    }, 60_000);
    expect(all).toEqual(["a", "b", "c", "d"]);
  });

  test("the sample has woken its sink, and every form of an event came in", async () => {
    const { code, out } = await sample;
    expect([code, out]).toEqual([0, expect.stringContaining("got:")]);
    for (const words of ["binary form: 202", "structured form: 202", "batch form: 202"]) expect(out).toContain(words);
    expect(out.match(/event dev\.kelvin\.greeting \d/g)).toHaveLength(3);
    expect(out).not.toContain("farewell");
  });

  test("the end of Kelvin is the end of what it started, a nats-server too", async () => {
    const { dataDir = "" } = cluster.own ?? {};
    const state = { dataDir, ports: [] };
    const hasServer = (): boolean => readMachineState(state).processes.some((text) => text.includes("nats-server"));
    expect(hasServer()).toBe(hasNats);
    await cluster.own?.stop();
    expect(readMachineState(state).processes).toEqual([]);
  });
});

import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { getCondition, type KubeObject } from "@kelvin/api";
import { Broker } from "@kelvin/api/eventing/v1";
import { createLogger, type RunningService } from "@kelvin/http-service";
import { deepCopy, systemClock } from "@kelvin/kube";
import { configMap, inNamespace, openFakeKube, type FakeKube } from "@kelvin/testkit";
import { openControl } from "../src/control/app.ts";
import { broker } from "./eventing-builders.ts";
import { busView, fakeBuses, served } from "./fake-buses.ts";

const log = createLogger("test", { level: process.env["TEST_LOG"] ?? "silent" });

let kube: FakeKube;
let app: RunningService;
let buses: ReturnType<typeof fakeBuses>;

beforeEach(async () => {
  kube = openFakeKube({});
  buses = fakeBuses({ stub: busView({}) });
  app = await openControl(
    { systemNamespace: "knative-eventing", podName: "ec-1", host: "127.0.0.1", internalPort: 0, admissionPort: 0 },
    { kube, clock: systemClock, log, openBusWatch: () => buses.watch },
  );
});

afterEach(() => app.close());

/** Waits for a state, not for a time; gives up loudly. */
async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (let tries = 0; tries < 500; tries += 1) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await systemClock.sleep(10);
  }
  throw new Error(`never came about: ${look.toString()}\n${JSON.stringify(kube.objects(Broker), undefined, 1)}`);
}

function findBroker(): Broker | undefined {
  return kube.objects(Broker)[0];
}

function brokerReason(): string {
  const { status, reason = "" } = getCondition(findBroker()?.status, "Ready") ?? { status: "" };
  return `${status}/${reason}`;
}

function template(kind: string): KubeObject {
  const text = `apiVersion: messaging.knative.dev/v1\nkind: ${kind}\n`;
  return configMap("config-br-default-channel", { "channel-template-spec": text }, inNamespace("knative-eventing"));
}

/** The bus has served the only Broker, in the generation that it has now. */
function serve(): void {
  const { uid = "", generation = 1 } = findBroker()?.metadata ?? {};
  buses.set("stub", busView({ [uid]: served({ generation }) }), [uid]);
}

test("a Broker follows its configuration, its bus, and goes when its bus lets it", async () => {
  await kube.create(Broker, broker("default"));
  await until(() => brokerReason() === "False/ChannelTemplateFailed");
  kube.put(template("Nonsense"));
  await until(() => brokerReason() === "False/BusNotFound");
  kube.put(template("InMemoryChannel"));
  await until(() => brokerReason() === "Unknown/MissingBrokerChannel");
  serve();
  await until(() => brokerReason() === "True/");

  const changed = deepCopy(findBroker() ?? broker("default"));
  changed.spec.delivery = { retry: 1 };
  await kube.update(Broker, changed);
  await until(() => brokerReason() === "Unknown/MissingBrokerChannel");
  serve();
  await until(() => brokerReason() === "True/");

  buses.set("stub", undefined);
  await until(() => brokerReason() === "False/BusNotFound");
  serve();
  await until(() => brokerReason() === "True/");

  const { uid = "" } = findBroker()?.metadata ?? {};
  await kube.delete(Broker, { namespace: "default", name: "default" });
  await systemClock.sleep(50);
  expect(findBroker()?.metadata.finalizers).toEqual(["brokers.eventing.knative.dev"]);
  buses.set("stub", busView({ [uid]: served({ state: "removed" }) }), [uid]);
  await until(() => findBroker() === undefined);
});

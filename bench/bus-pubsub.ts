import { randomUUID } from "node:crypto";
import { PubSub, type Message } from "@google-cloud/pubsub";
import { openPubsubBus } from "@kelvin/bus-pubsub";
import { findPubsubProblem, openPubsubEmulator } from "@kelvin/testkit/pubsub-emulator";
import { fail, silenceMsMax, type BenchBus, type RawClient } from "./bench-bus.ts";

const projectId = "bench";

/** Pub/Sub's emulator: batches of what comes together, and acknowledgements that are confirmed; both ends by streams. */
export const pubsubBench: BenchBus = {
  findProblem: findPubsubProblem,
  async startBroker() {
    const emulator = await openPubsubEmulator();
    return { address: emulator.host, close: () => emulator.close() };
  },
  openOurs: (address) =>
    openPubsubBus({ projectId, emulatorHost: address, name: "bench", silenceMsMax, reading: "stream" }),
  openRaw,
};

function openRaw(address: string): Promise<RawClient> {
  // It looks for Google's metadata server otherwise.
  process.env["METADATA_SERVER_DETECTION"] = "none";
  process.env["PUBSUB_EMULATOR_HOST"] = address;
  const client = new PubSub({ projectId });
  return Promise.resolve({
    async openLeg(window, { onRecord, onFinished }) {
      const name = `raw-${randomUUID()}`;
      const batching = { maxMessages: 1_000, maxBytes: 1024 * 1024, maxMilliseconds: 1 };
      const [topic] = await client.createTopic(name);
      topic.setPublishOptions({ batching });
      await topic.createSubscription(name);
      const subscription = topic.subscription(name, {
        flowControl: { maxMessages: window, allowExcessMessages: false },
        streamingOptions: { maxStreams: 1 },
        batching,
      });
      subscription.on("message", (message: Message) => {
        onRecord({ headers: Object.entries(message.attributes).flat(), body: message.data })
          .then(() => message.ackWithResponse())
          .then(() => onFinished(1))
          .catch(fail);
      });
      subscription.on("error", fail);
      return {
        async publish({ headers, body }) {
          await topic.publishMessage({ data: body, attributes: toAttributes(headers) });
        },
        async close() {
          await subscription.close();
          await subscription.delete();
          await topic.delete();
        },
      };
    },
  });
}

function toAttributes(list: readonly string[]): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (let index = 0; index + 1 < list.length; index += 2) attributes[list[index] ?? ""] = list[index + 1] ?? "";
  return attributes;
}

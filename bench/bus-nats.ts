import { randomUUID } from "node:crypto";
import { openNatsBus } from "@kelvin/bus-nats";
import { findNatsProblem, openNatsServer } from "@kelvin/testkit/nats-server";
import { AckPolicy, connect, DiscardPolicy, headers as newHeaders, nanos, RetentionPolicy, StorageType } from "nats";
import type { MsgHdrs } from "nats";
import { bytesMax, fail, silenceMsMax, type BenchBus, type RawClient } from "./bench-bus.ts";

/** NATS with JetStream: confirmed publishes, confirmed acknowledgements. */
export const natsBench: BenchBus = {
  findProblem: findNatsProblem,
  async startBroker() {
    const server = await openNatsServer({ maxPayloadBytes: 1024 * 1024 });
    return { address: `127.0.0.1:${server.port}`, close: () => server.close() };
  },
  openOurs: (address) => openNatsBus({ servers: [`nats://${address}`], name: "bench", silenceMsMax }),
  openRaw,
};

async function openRaw(address: string): Promise<RawClient> {
  const connection = await connect({ servers: address });
  const jetStream = connection.jetstream();
  const manager = await connection.jetstreamManager();
  return {
    async openLeg(window, { onRecord, onFinished }) {
      const name = `raw-${randomUUID()}`;
      const subject = `raw.${name}`;
      const { Limits: retention } = RetentionPolicy;
      const { File: storage } = StorageType;
      const { New: discard } = DiscardPolicy;
      await manager.streams.add({ name, subjects: [subject], retention, storage, discard, max_bytes: bytesMax });
      const ack_wait = nanos(silenceMsMax);
      const limits = { max_deliver: -1, max_ack_pending: -1 };
      await manager.consumers.add(name, { durable_name: "bench", ack_policy: AckPolicy.Explicit, ack_wait, ...limits });
      const consumer = await jetStream.consumers.get(name, "bench");
      const messages = await consumer.consume({
        max_messages: window,
        callback: (message) => {
          onRecord({ headers: fromHeaders(message.headers), body: Buffer.from(message.data) })
            .then(() => message.ackAck())
            .then(() => onFinished(1))
            .catch(fail);
        },
      });
      return {
        async publish({ headers, body }) {
          await jetStream.publish(subject, body, { headers: toHeaders(headers) });
        },
        async close() {
          await messages.close();
          await manager.streams.delete(name);
        },
      };
    },
  };
}

function toHeaders(list: readonly string[]): MsgHdrs {
  const headers = newHeaders();
  for (let index = 0; index + 1 < list.length; index += 2) headers.append(list[index] ?? "", list[index + 1] ?? "");
  return headers;
}

function fromHeaders(headers: MsgHdrs | undefined): string[] {
  return [...(headers ?? [])].flatMap(([name, values]) => values.flatMap((value) => [name, value]));
}

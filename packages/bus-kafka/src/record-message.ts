import type { BusRecord } from "@kelvin/bus";
import type { IHeaders, KafkaMessage, Message } from "kafkajs";

/** What is sent, and what it takes in a batch of records. */
export interface OutMessage {
  readonly message: Message & { readonly partition: number };
  readonly bytes: number;
}

/** Lengths, deltas and attributes of one record, and of one header, at most. */
const RECORD_OVERHEAD = 40;
const HEADER_OVERHEAD = 8;

/** A record as the broker keeps it: names of headers in small letters, all values of a name together. */
export function toMessage(record: BusRecord, partition: number, nowMs: number): OutMessage {
  // No prototype: a header may have any name.
  const headers = Object.create(null) as Record<string, string[]>;
  let bytes = RECORD_OVERHEAD + record.body.length + Buffer.byteLength(record.key ?? "");
  for (let index = 0; index + 1 < record.headers.length; index += 2) {
    const name = (record.headers[index] ?? "").toLowerCase();
    const value = record.headers[index + 1] ?? "";
    (headers[name] ??= []).push(value);
    bytes += HEADER_OVERHEAD + name.length + value.length;
  }
  const message = { key: record.key ?? null, value: record.body, headers, partition, timestamp: String(nowMs) };
  return { message, bytes };
}

/** And back: name, value, name, value. */
export function fromHeaders(headers: IHeaders | undefined): string[] {
  const list: string[] = [];
  for (const [name, values] of Object.entries(headers ?? {})) {
    for (const value of Array.isArray(values) ? values : [values]) {
      // The client puts what `{}` inherits before values of such a name, as of "constructor".
      if (Buffer.isBuffer(value) || typeof value === "string") list.push(name, value.toString());
    }
  }
  return list;
}

/** The record of a message; whoever wrote it. */
export function toRecord({ headers, key, value }: KafkaMessage): BusRecord {
  const record = { headers: fromHeaders(headers), body: value ?? Buffer.alloc(0) };
  return key === null ? record : { ...record, key: key.toString() };
}

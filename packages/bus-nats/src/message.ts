import type { BusRecord } from "@kelvin/bus";
import { headers as newHeaders } from "nats";
import type { MsgHdrs } from "nats";

/** Headers that steer the server; a record's own of such a name are not taken. */
const RESERVED = /^nats-/i;

/** A record's headers as the server keeps them. */
export function toHeaders(record: BusRecord): MsgHdrs {
  const headers = newHeaders();
  for (let index = 0; index + 1 < record.headers.length; index += 2) {
    const name = record.headers[index] ?? "";
    if (!RESERVED.test(name)) headers.append(name.toLowerCase(), record.headers[index + 1] ?? "");
  }
  return headers;
}

/** And back: name, value, name, value. */
export function fromHeaders(headers: MsgHdrs | undefined): string[] {
  const list: string[] = [];
  for (const [name, values] of headers ?? []) {
    for (const value of values) list.push(name, value);
  }
  return list;
}

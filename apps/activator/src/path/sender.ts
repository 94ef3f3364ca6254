import type { Exchange } from "@kelvin/http-proxy";

/** Brings an exchange to its end, now or later: forwards it, or answers it. */
export interface Sender {
  send(exchange: Exchange): void;
}

export const plainText = { "content-type": "text/plain; charset=utf-8" } as const;

/** Every answer of our own is one line of text. */
export function answer(exchange: Exchange, status: number, text: string): void {
  exchange.respond(status, `${text}\n`, plainText);
}

import { connect, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls } from "node:tls";
import type { ISocketFactory } from "kafkajs";

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);
/** As the client's own. */
const KEEP_ALIVE_MS = 60_000;

/**
 * Connections to brokers of which those on loopback are reached by another name. A broker tells its clients where it is, and
 * one for a single machine says 127.0.0.1: true for its neighbours alone.
 */
export function brokerSockets(loopbackHost: string): ISocketFactory {
  return ({ host, port, ssl, onConnect }) => {
    const reached = { host: LOOPBACK.has(host) ? loopbackHost : host, port };
    // The client leaves `ssl` away when it speaks plainly, whatever its types say.
    const socket: Socket = isTls(ssl)
      ? connectTls(
          {
            ...ssl,
            ...reached,
            ...(isIP(host) === 0 ? { servername: host } : {}),
            // Its certificate is for what the broker calls itself.
            checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
          },
          onConnect,
        )
      : connect(reached, onConnect);
    return socket.setKeepAlive(true, KEEP_ALIVE_MS);
  };
}

function isTls(ssl: unknown): boolean {
  return ssl !== undefined && ssl !== null && ssl !== false;
}

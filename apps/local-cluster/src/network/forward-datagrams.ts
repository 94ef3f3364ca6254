import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import type { ListEndpoints } from "./forward.ts";

const CLIENTS_MAX = 1_000;
/** Datagrams of one client that wait for the moment in which its socket is connected. */
const WAITING_MAX = 16;

export interface DatagramForwarderOptions {
  readonly host: string;
  readonly port: number;
  /** The endpoints a client may be given, now, for it to come first in the list. */
  readonly listEndpoints: (clientAddress: string) => ReturnType<ListEndpoints>;
  /** A client that neither sends nor gets anything for so long is forgotten, as by kube-proxy. */
  readonly idleMs?: number;
  readonly onError: (error: Error) => void;
}

interface Client {
  readonly upstream: Socket;
  readonly forgetting: NodeJS.Timeout;
  /** Until the socket is connected. */
  waiting: Buffer[] | undefined;
}

/** Passes datagrams on to one endpoint for each client, and its answers back. What nobody can take is lost, as is UDP's way. */
export function openDatagramForwarder(options: DatagramForwarderOptions): { close(): void } {
  const { host, port, listEndpoints, idleMs = 30_000, onError } = options;
  const clients = new Map<string, Client>();
  const socket = createSocket("udp4");
  socket.on("error", onError);
  socket.on("message", (message, peer) => {
    const key = `${peer.address}:${peer.port}`;
    const client = clients.get(key) ?? openClient(key, peer);
    if (client === undefined) return;
    client.forgetting.refresh();
    if (client.waiting === undefined) send(key, client, message);
    else if (client.waiting.length < WAITING_MAX) client.waiting.push(message);
  });
  socket.bind(port, host);

  function send(key: string, { upstream }: Client, message: Buffer): void {
    upstream.send(message, (error) => {
      if (error !== null) forget(key);
    });
  }

  function openClient(key: string, peer: RemoteInfo): Client | undefined {
    const [endpoint] = listEndpoints(peer.address);
    if (endpoint === undefined || clients.size >= CLIENTS_MAX) return undefined;
    const upstream = createSocket("udp4");
    const forgetting = setTimeout(() => forget(key), idleMs).unref();
    const client: Client = { upstream, forgetting, waiting: [] };
    clients.set(key, client);
    // The endpoint is gone: the client's next datagram finds another.
    upstream.on("error", () => forget(key));
    upstream.on("message", (answer) => {
      client.forgetting.refresh();
      socket.send(answer, peer.port, peer.address, () => undefined);
    });
    upstream.connect(endpoint.port, endpoint.address, () => {
      for (const message of client.waiting ?? []) send(key, client, message);
      client.waiting = undefined;
    });
    return client;
  }

  function forget(key: string): void {
    const client = clients.get(key);
    if (client === undefined) return;
    clients.delete(key);
    clearTimeout(client.forgetting);
    client.upstream.close();
  }

  return {
    close() {
      for (const key of clients.keys()) forget(key);
      socket.close();
    },
  };
}

import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type ApiObject, stringAt } from "../api-object.ts";
import type { Exchange } from "../http/exchange.ts";
import { badRequest } from "../status-error.ts";
import { openSpdyConnection, type SpdyListener, type SpdyStream } from "./spdy-connection.ts";
import { chooseProtocol, closeCodes, handshake, openWebSocket } from "./web-socket.ts";

/** What kubectl speaks from 1.30 on. */
const PROTOCOL = "SPDY/3.1+portforward.k8s.io";

/** Joins connections of a client to ports of a Pod. @throws StatusError before the connection is a WebSocket. */
export function servePortForward(exchange: Exchange, pod: ApiObject): void {
  const { request, upgrade } = exchange;
  const podIp = stringAt(pod, "status", "podIP");
  const key = request.headers["sec-websocket-key"];
  if (upgrade === undefined || key === undefined || chooseProtocol(request.headers, [PROTOCOL]) === undefined)
    throw badRequest(`unable to upgrade: only WebSocket is served here, speaking ${PROTOCOL}`);
  if (stringAt(pod, "status", "phase") !== "Running" || podIp === "")
    throw badRequest(`pod ${pod.metadata.name ?? ""} is not running`);
  const socket = upgrade.accept();
  socket.write(handshake(key, PROTOCOL));
  joinPorts(socket, podIp);
}

function joinPorts(socket: Duplex, podIp: string): void {
  const forwards = openForwards(podIp, {
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    // As long as the client reads too slowly, nothing is taken from the Pod.
    whenDrained: (then) => {
      if (socket.writableNeedDrain) socket.once("drain", then);
      else then();
    },
  });
  const spdy = openSpdyConnection((bytes) => webSocket.send(bytes), forwards);
  const webSocket = openWebSocket(socket, {
    onMessage(message) {
      spdy.take(message).catch(() => webSocket.close(closeCodes.protocolError));
    },
    onClose() {
      spdy.close();
      forwards.close();
    },
  });
}

interface Flow {
  pause(): void;
  resume(): void;
  whenDrained(then: () => void): void;
}

/** One connection of the client: its data, and where its failure is told. */
interface Forward {
  error: SpdyStream | undefined;
  socket: Socket | undefined;
}

function openForwards(podIp: string, flow: Flow): SpdyListener & { close(): void } {
  const forwards = new Map<string, Forward>();
  const sockets = new Map<number, Socket>();

  function dial(forward: Forward, stream: SpdyStream): void {
    const port = Number(stream.headers.get("port"));
    const socket = connect({ host: podIp, port, allowHalfOpen: true });
    forward.socket = socket;
    sockets.set(stream.id, socket);
    socket.on("data", (data: Buffer) => {
      stream.send(data);
      socket.pause();
      flow.whenDrained(() => socket.resume());
    });
    socket.on("drain", () => flow.resume());
    socket.on("end", () => stream.end());
    socket.on("error", ({ message }) => {
      forward.error?.send(Buffer.from(`error forwarding port ${port} to pod: ${message}`));
    });
    socket.on("close", () => {
      sockets.delete(stream.id);
      forwards.delete(stream.headers.get("requestid") ?? "");
      // One that is gone must not hold up the others.
      flow.resume();
      stream.end();
      forward.error?.end();
    });
  }

  return {
    onStream(stream) {
      const request = stream.headers.get("requestid") ?? "";
      const forward = forwards.get(request) ?? { error: undefined, socket: undefined };
      forwards.set(request, forward);
      if (stream.headers.get("streamtype") === "error") forward.error = stream;
      else dial(forward, stream);
    },
    onData(stream, data) {
      if (sockets.get(stream.id)?.write(data) === false) flow.pause();
    },
    onEnd(stream, isBroken) {
      const socket = sockets.get(stream.id);
      if (isBroken) socket?.destroy();
      else socket?.end();
    },
    close() {
      for (const socket of sockets.values()) socket.destroy();
    },
  };
}

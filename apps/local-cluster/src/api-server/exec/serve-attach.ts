import { PassThrough, Readable } from "node:stream";
import type { Exchange } from "../http/exchange.ts";
import { isSet } from "../http/request-info.ts";
import type { ExecSession } from "../pod-exec.ts";
import type { ContainerName, PodLogs } from "../pod-logs.ts";
import { badRequest, notImplemented } from "../status-error.ts";
import { execProtocols, joinExec } from "./exec-channels.ts";
import { chooseProtocol, handshake } from "./web-socket.ts";

/**
 * Shows what a container says from now on, until it ends or the client goes. What it says on its two outputs comes as one, a
 * line at a time, and it takes no input: containers here have none. @throws StatusError before the connection is a WebSocket.
 */
export async function serveAttach(
  podLogs: PodLogs | undefined,
  { exchange, container }: { exchange: Exchange; container: ContainerName },
): Promise<void> {
  const { query, request, upgrade } = exchange;
  const key = request.headers["sec-websocket-key"];
  const protocol = chooseProtocol(request.headers, execProtocols);
  if (upgrade === undefined || protocol === undefined || key === undefined)
    throw badRequest(`unable to upgrade: only WebSocket is served here, speaking one of ${execProtocols.join(", ")}`);
  if (podLogs === undefined) throw notImplemented("this API server runs without a node: there is nothing to attach to");
  if (isSet(query.get("stdin")) || isSet(query.get("tty")))
    throw badRequest("containers of the local cluster take no input: attach without -i and -t, or use exec");
  const socket = upgrade.accept();
  socket.write(handshake(key, protocol));
  await joinExec(listenTo(podLogs, container), { socket, wanted: { stdout: true, stderr: false } });
}

function listenTo(podLogs: PodLogs, container: ContainerName): ExecSession {
  const abort = new AbortController();
  const log = podLogs.openLog(container, { follow: true, tailLines: 0, signal: abort.signal });
  const stdout = Readable.from(log, { objectMode: false });
  const ended = new Promise<number>((resolve) => {
    stdout.once("close", () => resolve(0));
  });
  return {
    stdin: new PassThrough().resume(),
    stdout,
    stderr: Readable.from([]),
    exited: ended,
    kill: () => abort.abort(),
  };
}

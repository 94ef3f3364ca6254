import { PassThrough, Readable } from "node:stream";
import type { Exchange } from "../http/exchange.ts";
import { isSet } from "../http/request-info.ts";
import type { ExecSession } from "../pod-exec.ts";
import type { ContainerName, PodLogs } from "../pod-logs.ts";
import { badRequest, notImplemented } from "../status-error.ts";
import { execProtocols, joinExec } from "./exec-channels.ts";
import { chooseProtocol, handshake } from "./web-socket.ts";

const inputNote = "note: containers of the local cluster take no input; what is typed here goes nowhere\n";

/**
 * Shows what a container says, until it ends or the client goes. What it says on its two outputs comes as one, a line at a
 * time, and it takes no input: containers here have none. Who brings input as `kubectl run -i` does, waits for a container
 * of its own: it sees all that was said before it came, and a note. @throws StatusError before the connection is a WebSocket.
 */
export async function serveAttach(
  podLogs: PodLogs | undefined,
  { exchange, container }: { exchange: Exchange; container: ContainerName },
): Promise<void> {
  const { query, request, upgrade } = exchange;
  // Said before the rest: refused once, kubectl asks again as SPDY, and shows the answer to that alone.
  if (isSet(query.get("tty")))
    throw badRequest("containers of the local cluster have no terminal: attach or run without -t, or use exec -it");
  const key = request.headers["sec-websocket-key"];
  const protocol = chooseProtocol(request.headers, execProtocols);
  if (upgrade === undefined || protocol === undefined || key === undefined)
    throw badRequest(`unable to upgrade: only WebSocket is served here, speaking one of ${execProtocols.join(", ")}`);
  if (podLogs === undefined) throw notImplemented("this API server runs without a node: there is nothing to attach to");
  const socket = upgrade.accept();
  socket.write(handshake(key, protocol));
  const hasInput = isSet(query.get("stdin"));
  const session = listenTo(podLogs, { container, hasInput });
  await joinExec(session, { socket, wanted: { stdout: true, stderr: isSet(query.get("stderr")) } });
}

function listenTo(
  podLogs: PodLogs,
  { container, hasInput }: { container: ContainerName; hasInput: boolean },
): ExecSession {
  const abort = new AbortController();
  const past = hasInput ? {} : { tailLines: 0 };
  const log = podLogs.openLog(container, { follow: true, ...past, signal: abort.signal });
  const stdout = Readable.from(log, { objectMode: false });
  const ended = new Promise<number>((resolve) => {
    stdout.once("close", () => resolve(0));
  });
  return {
    stdin: new PassThrough().resume(),
    stdout,
    stderr: Readable.from(hasInput ? [Buffer.from(inputNote)] : []),
    exited: ended,
    resize: () => Promise.resolve(),
    kill: () => abort.abort(),
  };
}

import { stringAt } from "../api-object.ts";
import type { ApiObject } from "../api-object.ts";
import type { Exchange } from "../http/exchange.ts";
import { isSet } from "../http/request-info.ts";
import { PodExecError, type PodExec } from "../pod-exec.ts";
import type { ContainerName } from "../pod-logs.ts";
import { badRequest, notImplemented } from "../status-error.ts";
import { execProtocols, joinExec, refuseExec } from "./exec-channels.ts";
import { chooseProtocol, handshake } from "./web-socket.ts";

/** Runs a command in a container and joins it with the client. @throws StatusError before the connection is a WebSocket. */
export async function serveExec(
  podExec: PodExec | undefined,
  { exchange, pod, container }: { exchange: Exchange; pod: ApiObject; container: ContainerName },
): Promise<void> {
  const { query, request, upgrade } = exchange;
  const command = query.getAll("command");
  if (command.length === 0) throw badRequest("you must specify at least one command for the container");
  if (upgrade === undefined) throw badRequest("unable to upgrade: only WebSocket is served here; SPDY is not");
  const protocol = chooseProtocol(request.headers, execProtocols);
  const key = request.headers["sec-websocket-key"];
  if (protocol === undefined || key === undefined)
    throw badRequest(`unable to upgrade: speak one of ${execProtocols.join(", ")}`);
  if (podExec === undefined) throw notImplemented("this API server runs without a node: there is nothing to run it in");
  if (stringAt(pod, "spec", "nodeName") === "") throw badRequest(`pod ${container.pod} does not have a host assigned`);
  const isTerminal = isSet(query.get("tty"));
  const options = { command, hasStdin: isSet(query.get("stdin")), isTerminal };
  const session = await podExec.openExec(container, options).catch((error: unknown) => {
    if (error instanceof PodExecError) return error;
    throw error;
  });
  const socket = upgrade.accept();
  socket.write(handshake(key, protocol));
  // A refusal now would make clients try SPDY, and tell of that one's failure instead of this.
  if (session instanceof PodExecError) return refuseExec(session.message, socket);
  const wanted = { stdout: isSet(query.get("stdout")), stderr: isSet(query.get("stderr")) && !isTerminal };
  await joinExec(session, { socket, wanted });
}

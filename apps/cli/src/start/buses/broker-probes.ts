import { connect } from "node:net";
import type { Server } from "./server-list.ts";

const ANSWER_MS_MAX = 1_000;

/** Whether a NATS server listens there: it greets whoever connects, with or without TLS. */
export function greetsAsNats(server: Server): Promise<boolean> {
  return firstWords(server, undefined, (answer) => answer.toString("latin1").startsWith("INFO "));
}

/** ApiVersions, which a broker answers to anybody: its size, key 18, version 0, correlation id, and no client id. */
const CORRELATION_ID = 0x6b656c76;
const whichVersions = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0x6b, 0x65, 0x6c, 0x76, 0xff, 0xff]);

/** Whether a Kafka broker that speaks without TLS listens there. */
export function answersAsKafka(server: Server): Promise<boolean> {
  return firstWords(server, whichVersions, (answer) => answer.length >= 8 && answer.readInt32BE(4) === CORRELATION_ID);
}

/** Whether anybody listens there. */
export function isListening(server: Server): Promise<boolean> {
  return tryServer(server, (socket, settle) => socket.once("connect", () => settle(true)));
}

/** Says something, if there is something to say, and looks at the first piece of the answer. */
function firstWords(server: Server, question: Buffer | undefined, isIt: (answer: Buffer) => boolean): Promise<boolean> {
  return tryServer(server, (socket, settle) => {
    if (question !== undefined) socket.write(question);
    socket.once("data", (answer) => settle(isIt(answer)));
  });
}

type Socket = ReturnType<typeof connect>;

function tryServer(
  { host, port }: Server,
  listen: (socket: Socket, settle: (isThere: boolean) => void) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    listen(socket, settle);
    socket.setTimeout(ANSWER_MS_MAX, () => settle(false));
    socket.once("error", () => settle(false)).once("close", () => settle(false));
  });
}

import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** What is waited for. */
export interface AnswerWait {
  /** How a server shows that it is ready: it takes connections, or it speaks first. */
  readonly by: "connect" | "data";
  readonly msMax: number;
  /** Nobody will answer any more. */
  readonly hasEnded: () => boolean;
}

const LOOK_MS = 50;

/** Whether a server on a port of 127.0.0.1 gets ready in time. */
export async function answers(port: number, { by, msMax, hasEnded }: AnswerWait): Promise<boolean> {
  for (let tries = 0; tries < msMax / LOOK_MS && !hasEnded(); tries += 1) {
    if (await answersNow(port, by)) return true;
    await sleep(LOOK_MS);
  }
  return false;
}

function answersNow(port: number, by: AnswerWait["by"]): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const done = (isThere: boolean) => () => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once(by, done(true)).once("error", done(false)).once("close", done(false));
  });
}

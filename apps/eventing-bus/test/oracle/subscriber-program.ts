// A subscriber as a process: notes each event in a file before it answers, so that its kill forgets nothing it took.
// A path that ends in `/choosy` refuses every fifth event and fails the first try of another fifth; all others take all,
// and so do dead-letter sinks, whose paths begin with `/dead/`.
import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";

interface SubscriberArgument {
  readonly port: number;
  readonly file: string;
  /** The longest it takes to answer. */
  readonly delayMsMax: number;
}

const { port, file, delayMsMax } = JSON.parse(process.argv[2] ?? "{}") as SubscriberArgument;
const notes = openSync(file, "a");
const tried = new Set<string>();

function statusFor(path: string, number: number): number {
  if (path.startsWith("/dead/") || !path.endsWith("/choosy")) return 202;
  if (number % 5 === 0) return 400;
  if (number % 5 === 1 && !tried.has(`${path} ${number}`)) {
    tried.add(`${path} ${number}`);
    return 503;
  }
  return 202;
}

const server = createServer((request, response) => {
  request.resume().on("end", () => {
    const path = request.url ?? "";
    const id = String(request.headers["ce-id"]);
    // Events overtake one another: what came first is not answered first.
    setTimeout(() => {
      const status = statusFor(path, Number(id));
      if (status === 202) writeSync(notes, `${path} ${id}\n`);
      response.writeHead(status).end();
    }, Math.random() * delayMsMax);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(port, "127.0.0.1", () => process.send?.({ kind: "ready" }));
process.on("disconnect", () => process.exit(0));

// The bare forwarder with the bare client of a broker in its middle: events in by node:http, 202 when the broker has them,
// from there out by undici, acknowledged when the target has answered. Nothing is checked, matched or tried again.
// node peer-bus-forwarder.ts PORT KIND ADDRESS TARGET_PORT
import { createServer } from "node:http";
import { Pool } from "undici";
import { benchBuses, fail } from "./bench-bus.ts";

const window = 1_000;
const hopByHop = new Set(["host", "connection", "content-length"]);

const [port = "", kind = "", address = "", target = ""] = process.argv.slice(2);
const pool = new Pool(`http://127.0.0.1:${target}`, { connections: 100 });
const bus = await benchBuses[kind]?.();
if (bus === undefined) throw new Error(`"${kind}" is none of ${Object.keys(benchBuses).join(", ")}`);
const client = await bus.openRaw(address);
const leg = await client.openLeg(window, {
  async onRecord({ headers, body }) {
    const answer = await pool.request({ method: "POST", path: "/", headers: [...headers], body });
    await answer.body.dump();
  },
  onFinished: () => undefined,
});

createServer((incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
  incoming.on("end", () => {
    const headers = Object.entries(incoming.headers)
      .filter(([name]) => !hopByHop.has(name))
      .flatMap(([name, value]) => [name, String(value)]);
    leg.publish({ headers, body: Buffer.concat(chunks) }).then(() => outgoing.writeHead(202).end(), fail);
  });
}).listen(Number(port), "127.0.0.1");

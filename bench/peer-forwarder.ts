// The peer anybody can have: events in by node:http, out by undici to every target, 202 when all have answered. Nothing is
// checked, kept, matched or tried again. Written once, never tuned. node peer-forwarder.ts PORT TARGET_PORT…
import { createServer, type IncomingHttpHeaders } from "node:http";
import { Pool } from "undici";

const [port = 0, ...targetPorts] = process.argv.slice(2).map(Number);
const pools = targetPorts.map((target) => new Pool(`http://127.0.0.1:${target}`, { connections: 100 }));

async function forward(pool: Pool, headers: IncomingHttpHeaders, body: Buffer): Promise<void> {
  const answer = await pool.request({ method: "POST", path: "/", headers, body });
  await answer.body.dump();
}

createServer((incoming, outgoing) => {
  const chunks: Buffer[] = [];
  incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
  incoming.on("end", () => {
    const body = Buffer.concat(chunks);
    const headers = { ...incoming.headers, host: undefined, connection: undefined };
    Promise.all(pools.map((pool) => forward(pool, headers, body))).then(
      () => outgoing.writeHead(202).end(),
      () => outgoing.writeHead(502).end(),
    );
  });
}).listen(port, "127.0.0.1");

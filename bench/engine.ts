// Our engine bare: one upstream, no decisions. node engine.ts PORT UPSTREAM_PORT
import { openProxyServer } from "@kelvin/http-proxy";

const [port = 0, upstreamPort = 0] = process.argv.slice(2).map(Number);
const options = { address: `127.0.0.1:${upstreamPort}` };

await openProxyServer({
  listeners: [{ name: "http", port, host: "127.0.0.1" }],
  onRequest: (exchange) => exchange.forward(options),
});

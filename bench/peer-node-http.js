// The peer anybody can have: a plain node:http proxy with a keep-alive agent of 256 sockets. Written once, never tuned.
// node peer-node-http.js PORT UPSTREAM_PORT
import { Agent, createServer, request } from "node:http";

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const agent = new Agent({ keepAlive: true, maxSockets: 256 });

createServer((incoming, outgoing) => {
  const { method, url, headers } = incoming;
  const upstream = request({ agent, host: "127.0.0.1", port: upstreamPort, method, path: url, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    answer.pipe(outgoing);
  });
  upstream.on("error", () => {
    if (!outgoing.headersSent) outgoing.writeHead(502);
    outgoing.end();
  });
  incoming.pipe(upstream);
}).listen(port, "127.0.0.1");

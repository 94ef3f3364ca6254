import { createServer } from "node:http";

// See README.md for the paths and queries.

const events = [];
const open = new Set();

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", "http://event-recorder");
  if (request.method === "GET") return answerGet(url, response);
  let body = "";
  for await (const chunk of request) body += chunk;
  const status = statusFor(url.searchParams);
  events.push({ path: url.pathname, headers: request.headers, body, status });
  const reply = url.searchParams.get("reply");
  const id = `${request.headers["ce-id"] ?? ""}-`;
  const headers = { "ce-specversion": "1.0", "ce-id": id, "ce-source": "/recorder", "ce-type": reply };
  response.writeHead(status, reply === null ? {} : headers);
  response.end(reply === null ? (url.searchParams.get("body") ?? "") : "reply");
});

function answerGet({ pathname, searchParams }, response) {
  if (pathname === "/open") open.add(searchParams.get("key"));
  response.writeHead(200, { "content-type": "application/json" });
  response.end(pathname === "/events" ? JSON.stringify(events) : "{}");
}

function statusFor(query) {
  if (query.has("until")) return open.has(query.get("until")) ? 204 : 503;
  return Number(query.get("code") ?? (query.has("reply") ? 200 : 204));
}

server.listen(Number(process.env.PORT ?? 8080));
process.once("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});

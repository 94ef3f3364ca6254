// The whole of a subscriber: a web server. Whatever is posted is shown, CloudEvent or not.
import { createServer } from "node:http";

const server = createServer(async (request, response) => {
  let body = "";
  for await (const piece of request) body += piece;
  console.log(`${request.url}: ${body}`);
  response.writeHead(204).end();
});

server.listen(Number(process.env.PORT ?? 8080), () => console.log("waiting for messages"));
process.once("SIGTERM", () => server.close());

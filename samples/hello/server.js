import { createServer } from "node:http";

const target = process.env.TARGET ?? "World";
const port = Number(process.env.PORT ?? 8080);

const server = createServer((request, response) => {
  console.log(`${request.method} ${request.url}`);
  response.writeHead(200, { "content-type": "text/plain" });
  response.end(`Hello ${target}!\n`);
});

server.listen(port, () => console.log(`Listening on ${port}`));

// A pod that is scaled away gets SIGTERM: finish what is under way, then end.
process.once("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});

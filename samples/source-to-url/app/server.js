import { createServer } from "node:http";

const server = createServer((request, response) => {
  response.end("Built from source.\n");
});
server.listen(Number(process.env.PORT ?? 8080));

process.once("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});

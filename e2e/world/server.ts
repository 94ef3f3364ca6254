// What there is in the outside world of the tests: files over HTTP, a server that speaks first, one that echoes.
import { readFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { createServer } from "node:net";
import { join, normalize } from "node:path";

const [directory = "."] = process.argv.slice(2);

createHttpServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://world.example");
  readFile(join(directory, normalize(pathname))).then(
    (content) => response.end(content),
    () => response.writeHead(404).end("not there\n"),
  );
}).listen(80);
createServer((socket) => {
  socket.on("error", () => socket.destroy());
  socket.end("220 world.example speaks first\n");
}).listen(25);
createServer({ allowHalfOpen: true }, (socket) => {
  socket.on("error", () => socket.destroy());
  socket.pipe(socket);
}).listen(8001);

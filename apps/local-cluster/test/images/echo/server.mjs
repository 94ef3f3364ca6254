// Says who and where it is. Part of pod-in-namespaces.test.ts.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const server = createServer((_request, response) => {
  const token = readFileSync("/var/run/secrets/kubernetes.io/serviceaccount/token", "utf8");
  response.end(
    JSON.stringify({ pid: process.pid, podIp: process.env.POD_IP, hasToken: token.split(".").length === 3 }),
  );
});
// The same port in every Pod, on all addresses: only a network of its own makes that possible.
server.listen(8080, () => console.log(`listening as ${process.env.POD_NAME}`));
process.on("SIGTERM", () => {
  console.log("stopping");
  process.exit(0);
});

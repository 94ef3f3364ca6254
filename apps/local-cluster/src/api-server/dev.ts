// The API server alone, for trying it without a node or controllers:
//   node --conditions=@kelvin/source src/api-server/dev.ts <kubeconfig to write> [port] [data directory]
import { openApiServer } from "./open-api-server.ts";
import { writeKubeconfig } from "./write-kubeconfig.ts";

const [kubeconfig, port = "0", dataDir] = process.argv.slice(2);
if (kubeconfig === undefined) throw new Error("usage: dev.ts <kubeconfig to write> [port] [data directory]");
const server = await openApiServer({
  listen: [{ host: "127.0.0.1", port: Number(port) }],
  ...(dataDir === undefined ? {} : { dataDir }),
  reportError: (message, error) => process.stderr.write(`${message}: ${String(error)}\n`),
});
await writeKubeconfig(kubeconfig, server);
process.stdout.write(`API server at ${server.url}, kubeconfig ${kubeconfig}\n`);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void server.close());

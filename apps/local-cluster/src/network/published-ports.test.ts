import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { CoreService, type Informer, type KubeClient } from "@kelvin/kube";
import { openPublishedPorts } from "./published-ports.ts";
import type { ServiceProxy } from "./service-proxy.ts";

const servers: Server[] = [];
let published: { close(): Promise<void> } | undefined;
const errors: unknown[] = [];
beforeEach(() => void errors.splice(0));
afterEach(async () => {
  await published?.close();
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function readFrom(port: number, host: string): Promise<string> {
  let text = "";
  for await (const chunk of connect(port, host)) text += String(chunk);
  return text;
}

test("a port may be another on the host; inside the cluster both lead to it", async () => {
  const endpoint = await listen(createServer((socket) => socket.end("here")));
  const [port, hostPort] = [await freePort(), await freePort()];
  const service: CoreService = {
    metadata: { name: "registry", namespace: "tools", annotations: { "kelvin.dev/host-ports": `${port}:${hostPort}` } },
    spec: { type: "LoadBalancer", ports: [{ port }, { port: 53, protocol: "UDP" }] },
  };
  const asked: number[] = [];
  const marked = Promise.withResolvers<unknown>();
  published = openPublishedPorts({
    // Its status is written when it is published.
    kube: {
      patch: (_kind, _key, { body }) => Promise.resolve(marked.resolve(body)),
    } as Partial<KubeClient> as KubeClient,
    services: { list: () => [service], onChange: () => () => undefined } as Partial<
      Informer<CoreService>
    > as Informer<CoreService>,
    proxy: {
      endpointsFor: (_client, _key, wanted) => (wanted === port ? [{ address: "127.0.0.1", port: endpoint }] : []),
      close: () => Promise.resolve(),
    } satisfies ServiceProxy,
    hostPorts: {
      async take(wanted) {
        asked.push(wanted);
        const server = createServer().listen(wanted, "127.0.0.1");
        await once(server, "listening");
        return [server];
      },
    },
    hostAddress: "127.7.7.7",
    reportError: (_message, error) => errors.push(error),
  });
  expect(await marked.promise).toEqual({ status: { loadBalancer: { ingress: [{ ip: "127.0.0.1" }] } } });
  const found = await Promise.all([
    readFrom(hostPort, "127.0.0.1"),
    readFrom(hostPort, "127.7.7.7"),
    readFrom(port, "127.7.7.7"),
  ]);
  expect(found).toEqual(["here", "here", "here"]);
  expect(asked).toEqual([hostPort]);
  expect(errors).toEqual([]);
});

import { openKubeClient } from "@kelvin/kube";
import { describeKubeClient } from "@kelvin/kube/contract";
import { openApiServer } from "./open-api-server.ts";

// Both ways into the API server keep the contract that every KubeClient has to keep.

describeKubeClient("the local cluster, in-process", async () => {
  const server = await openApiServer();
  return { kube: server.kube, close: () => server.close() };
});

describeKubeClient("the local cluster, over TLS", async () => {
  const server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
  const kube = openKubeClient({
    server: server.url,
    caPem: server.caCert,
    authorization: () => Promise.resolve(`Bearer ${server.adminToken}`),
    namespace: "default",
  });
  return {
    kube,
    close: async () => {
      await kube.close();
      await server.close();
    },
  };
});

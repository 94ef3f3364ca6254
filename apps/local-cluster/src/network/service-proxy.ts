import { createServer, type Server } from "node:net";
import { CoreService, EndpointSlice, type Informer } from "@kelvin/kube";
import { type Endpoint, hasClusterIp, selectEndpoints, serviceNameLabel } from "./endpoints.ts";
import { inOrderFor, inRandomOrder } from "./endpoint-order.ts";
import { forwardConnection } from "./forward.ts";
import { openDatagramForwarder } from "./forward-datagrams.ts";
import { addresses } from "./network.ts";

const CONNECTIONS_MAX = 10_000;

/** The index of EndpointSlices by the `namespace/name` of their Service. */
export const bySliceService = "service";

/** The index of Services by their address. */
export const byClusterIp = "clusterIP";

/** The index of EndpointSlices by the addresses in them. */
export const byEndpointAddress = "address";

/** How the informer of Services must index. */
export const serviceIndexes = {
  [byClusterIp]: ({ spec }: CoreService): readonly string[] =>
    spec?.clusterIPs ?? (spec?.clusterIP === undefined ? [] : [spec.clusterIP]),
};

/** How the informer of EndpointSlices must index. */
export const sliceIndexes = {
  [bySliceService]: (slice: EndpointSlice): readonly string[] => {
    const name = slice.metadata.labels?.[serviceNameLabel];
    return name === undefined ? [] : [`${slice.metadata.namespace ?? ""}/${name}`];
  },
  [byEndpointAddress]: ({ endpoints }: EndpointSlice): readonly string[] =>
    (endpoints ?? []).flatMap(({ addresses: found }) => found),
};

export interface ServiceKey {
  readonly namespace: string;
  readonly name: string;
}

export interface ServiceProxyOptions {
  services: Informer<CoreService>;
  slices: Informer<EndpointSlice>;
  reportError: (message: string, error: unknown) => void;
}

export interface ServiceProxy {
  /** The endpoints behind one port of a Service as both are now, the client's first; none when either is gone. */
  endpointsFor(clientAddress: string, service: ServiceKey, port: number): Endpoint[];
  close(): Promise<void>;
}

/** Gives Service addresses life: listens on each `clusterIP:port` and forwards connections and datagrams to ready endpoints. */
export function openServiceProxy({ services, slices, reportError }: ServiceProxyOptions): ServiceProxy {
  const listeners = new Map<string, { close(): unknown }>();

  function endpointsFor(clientAddress: string, key: ServiceKey, { port, protocol = "TCP" }: ServicePort): Endpoint[] {
    const spec = services.get(key)?.spec;
    const servicePort = spec?.ports?.find((found) => found.port === port && (found.protocol ?? "TCP") === protocol);
    if (servicePort === undefined) return [];
    const found = selectEndpoints(slices.byIndex(bySliceService, `${key.namespace}/${key.name}`), servicePort.name);
    return spec?.sessionAffinity === "ClientIP" ? inOrderFor(clientAddress, found) : inRandomOrder(found);
  }

  function open(service: CoreService, servicePort: ServicePort): void {
    const key = { namespace: service.metadata.namespace ?? "", name: service.metadata.name ?? "" };
    const { clusterIP: host = "" } = service.spec ?? {};
    const { port, protocol } = servicePort;
    const onError = (error: Error): void => {
      reportError(`Failed to listen on the Service address ${host}:${port} of ${key.namespace}/${key.name}`, error);
      listeners.delete(addressKey(service, servicePort));
    };
    const listEndpoints = (client: string): Endpoint[] => endpointsFor(client, key, servicePort);
    const listener =
      protocol === "UDP"
        ? openDatagramForwarder({ host, port, listEndpoints, onError })
        : listen({ host, port, listEndpoints, onError });
    listeners.set(addressKey(service, servicePort), listener);
  }

  function follow({ before, after }: { before: CoreService | undefined; after: CoreService | undefined }): void {
    const wanted = new Set(after === undefined ? [] : portsOf(after).map((port) => addressKey(after, port)));
    for (const port of before === undefined ? [] : portsOf(before)) {
      const key = before === undefined ? "" : addressKey(before, port);
      if (wanted.has(key)) continue;
      // Connections that are open end by themselves; only new ones are refused.
      listeners.get(key)?.close();
      listeners.delete(key);
    }
    if (after === undefined) return;
    for (const port of portsOf(after)) if (!listeners.has(addressKey(after, port))) open(after, port);
  }

  const unsubscribe = services.onChange(follow);
  for (const service of services.list()) follow({ before: undefined, after: service });
  return {
    endpointsFor: (client, key, port) => endpointsFor(client, key, { port }),
    close() {
      unsubscribe();
      for (const server of listeners.values()) server.close();
      listeners.clear();
      return Promise.resolve();
    },
  };
}

interface Listening {
  readonly host: string;
  readonly port: number;
  readonly listEndpoints: (clientAddress: string) => Endpoint[];
  readonly onError: (error: Error) => void;
}

function listen({ host, port, listEndpoints, onError }: Listening): Server {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    forwardConnection(client, () => listEndpoints(client.remoteAddress ?? ""));
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on("error", onError);
  return server.listen(port, host);
}

type ServicePort = Pick<NonNullable<NonNullable<CoreService["spec"]>["ports"]>[number], "port" | "protocol">;

function portsOf(service: CoreService): ServicePort[] {
  // The API server listens on its own Service address itself.
  if (!hasClusterIp(service) || service.spec?.clusterIP === addresses.apiServer) return [];
  return (service.spec?.ports ?? []).filter(({ protocol = "TCP" }) => protocol === "TCP" || protocol === "UDP");
}

/** A change of a port's name or target keeps the listener: endpoints are looked up for each connection. */
function addressKey(service: CoreService, { port, protocol = "TCP" }: ServicePort): string {
  return `${service.metadata.uid ?? ""} ${service.spec?.clusterIP ?? ""}:${port}/${protocol}`;
}

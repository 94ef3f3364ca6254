import type { Server } from "node:net";

/**
 * Asks the host side for listening sockets. A socket belongs to the network namespace it was made in, so a listener that
 * the host made and passed on accepts the host's connections although we live elsewhere.
 */
export interface HostPorts {
  /** The listeners on the host's 127.0.0.1 and ::1 for one port. @throws Error that says who has the port. */
  take(port: number): Promise<readonly Server[]>;
}

/** What passes between the host side (apps/cli) and the cluster; the listener messages carry a socket. */
export type HostMessage =
  | { type: "listener"; port: number }
  | { type: "published"; port: number }
  | { type: "publish-failed"; port: number; message: string }
  | { type: "dialled"; id: number; code?: string }
  | { type: "looked-up"; id: number; addresses: readonly string[]; code?: string }
  | { type: "stop" };

export type ClusterMessage =
  | { type: "publish"; port: number }
  | { type: "dial"; id: number; address: string; port: number }
  | { type: "look-up"; id: number; name: string }
  | { type: "serving"; url: string }
  | { type: "failed"; message: string };

/** The least of `process` that the channel needs. */
export interface HostProcess {
  send?(message: ClusterMessage): boolean;
  on(event: "message", listener: (message: HostMessage, socket: unknown) => void): unknown;
}

interface Request {
  resolve: (servers: readonly Server[]) => void;
  reject: (error: Error) => void;
}

/** Listens to the host side from now on; listeners it sends unasked are kept for the first `take` of their port. */
export function openHostPorts(host: HostProcess): HostPorts {
  const delivered = new Map<number, Server[]>();
  const complete = new Set<number>();
  const requests = new Map<number, Request>();

  host.on("message", (message, socket) => {
    if (message.type === "listener") {
      const servers = delivered.get(message.port) ?? [];
      servers.push(socket as Server);
      delivered.set(message.port, servers);
    } else if (message.type === "published") {
      complete.add(message.port);
      settle(message.port);
    } else if (message.type === "publish-failed") {
      requests.get(message.port)?.reject(new Error(message.message));
      requests.delete(message.port);
    }
  });

  function settle(port: number): void {
    const request = requests.get(port);
    if (request === undefined || !complete.has(port)) return;
    request.resolve(delivered.get(port) ?? []);
    requests.delete(port);
    delivered.delete(port);
    complete.delete(port);
  }

  return {
    take(port) {
      return new Promise((resolve, reject) => {
        if (requests.has(port)) {
          reject(new Error(`port ${port} was asked for twice`));
          return;
        }
        requests.set(port, { resolve, reject });
        if (complete.has(port)) settle(port);
        // The host sends what the options named without being asked; anything else is asked for.
        else if (!delivered.has(port)) host.send?.({ type: "publish", port });
      });
    },
  };
}

import type { Socket } from "node:net";
import type { HostMessage, HostProcess } from "../host-ports.ts";

/** An address outside of the cluster. */
export interface Destination {
  /** Dotted IPv4. */
  readonly address: string;
  readonly port: number;
}

/** The world outside of the cluster, as the host reaches it. What may be reached is the host's decision. */
export interface Outside {
  /** A connection made on the host. @throws OutsideError when there is none to be had. */
  dial(destination: Destination): Promise<Socket>;
  /** The IPv4 addresses of a name; none when it does not exist. @throws OutsideError when that is not known in time. */
  lookUp(name: string): Promise<readonly string[]>;
}

/** The host could not, or would not. `code` is an errno, as ECONNREFUSED or EAI_AGAIN. */
export class OutsideError extends Error {
  override readonly name = "OutsideError";
  readonly code: string;
  constructor(code: string) {
    super(`the host says ${code}`);
    this.code = code;
  }
}

/** The host has limits of its own; this one is for a host that does not answer. */
const REQUESTS_MAX = 1_000;

interface Request<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** Asks the host side over the channel between us. Every request ends: the host answers each, or we end with it. */
export function openOutside(host: HostProcess): Outside {
  const dials = new Map<number, Request<Socket>>();
  const lookUps = new Map<number, Request<readonly string[]>>();
  let sequence = 0;

  host.on("message", (message, socket) => {
    if (message.type === "dialled") receiveSocket(message, socket as Socket | undefined);
    else if (message.type === "looked-up") receiveAddresses(message);
  });

  function receiveSocket({ id, code }: HostMessage & { type: "dialled" }, socket: Socket | undefined): void {
    const request = dials.get(id);
    dials.delete(id);
    // A connection that broke on its way here arrives as nothing.
    if (socket === undefined) request?.reject(new OutsideError(code ?? "ECONNRESET"));
    else if (request === undefined) socket.destroy();
    else request.resolve(socket);
  }

  function receiveAddresses({ id, addresses, code }: HostMessage & { type: "looked-up" }): void {
    const request = lookUps.get(id);
    lookUps.delete(id);
    if (code === undefined) request?.resolve(addresses);
    else request?.reject(new OutsideError(code));
  }

  function ask<T>(requests: Map<number, Request<T>>, send: (id: number) => void): Promise<T> {
    if (requests.size >= REQUESTS_MAX) return Promise.reject(new OutsideError("EAGAIN"));
    sequence += 1;
    const id = sequence;
    return new Promise((resolve, reject) => {
      requests.set(id, { resolve, reject });
      send(id);
    });
  }

  return {
    dial: ({ address, port }) => ask(dials, (id) => host.send?.({ type: "dial", id, address, port })),
    lookUp: (name) => ask(lookUps, (id) => host.send?.({ type: "look-up", id, name })),
  };
}

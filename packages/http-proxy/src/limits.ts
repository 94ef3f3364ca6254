/** What one proxy accepts and holds. Every buffer, queue and wait of the engine is bounded by one of these. */
export interface ProxyLimits {
  /** Request line and headers together; more is a 431. The same bound holds for a response's head (502). */
  readonly headBytesMax: number;
  /** The request target; more is a 414. */
  readonly targetBytesMax: number;
  /** Header fields in a head; more is a 431. */
  readonly headerCountMax: number;
  /** Bytes of a body not yet forwarded, or of pipelined requests not yet begun, before the client is paused. */
  readonly heldBytesMax: number;
  /** What is read and dropped of a body nobody wants, so that its connection can be kept; beyond it, the connection is closed. */
  readonly discardBytesMax: number;
  /** From the first byte of a head, or the connection's start, to the head's end; later is a 408. */
  readonly headMsMax: number;
  /** How long a client's connection may be idle between requests. */
  readonly clientIdleMsMax: number;
  /** How long a closing connection waits for the client's last bytes, so that a reset does not overtake the answer. */
  readonly lingerMsMax: number;
  /** The same for a client that still sends a body which nobody wants: many read the answer only after its end. */
  readonly lingerBusyMsMax: number;
  /** Connections of clients; more are refused. */
  readonly clientsMax: number;
  readonly connectMsMax: number;
  /** Idle connections kept per address. */
  readonly upstreamIdleMax: number;
  /** How long an idle connection to an address may be reused; half of the `Keep-Alive: timeout` it announced, if that is less. */
  readonly upstreamIdleMsMax: number;
  /** The same for requests that cannot be sent twice. */
  readonly upstreamIdleUnsafeMsMax: number;
  /** How long a tunnel may be silent after one side has closed. */
  readonly halfOpenMsMax: number;
}

/** The defaults of `ProxyLimits`. */
export const defaultLimits: ProxyLimits = {
  headBytesMax: 64 * 1024,
  targetBytesMax: 16 * 1024,
  headerCountMax: 128,
  heldBytesMax: 64 * 1024,
  discardBytesMax: 256 * 1024,
  headMsMax: 15_000,
  clientIdleMsMax: 120_000,
  lingerMsMax: 1_000,
  lingerBusyMsMax: 30_000,
  clientsMax: 20_000,
  connectMsMax: 1_000,
  upstreamIdleMax: 256,
  upstreamIdleMsMax: 2_000,
  upstreamIdleUnsafeMsMax: 500,
  halfOpenMsMax: 60_000,
};

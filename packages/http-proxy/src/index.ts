export { openProxyServer } from "./proxy-server.ts";
export type { ProxyGauges, ProxyListener, ProxyServer, ProxyServerOptions } from "./proxy-server.ts";
export type { ProxyCounters, ProxyLog } from "./engine.ts";
export type {
  CollectOptions,
  ConnectFailure,
  Exchange,
  ExchangeOutcome,
  ForwardOptions,
  UpstreamEndReason,
} from "./exchange.ts";
export { openPostClient } from "./post-client.ts";
export type { PostAnswer, PostClient, PostClientOptions, Posting, PostRequest } from "./post-client.ts";
export { prepareHeaderEdits } from "./header-edits.ts";
export type { HeaderEditRules, HeaderEdits } from "./header-edits.ts";
export { defaultLimits } from "./limits.ts";
export type { ProxyLimits } from "./limits.ts";

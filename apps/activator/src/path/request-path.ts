import { type Exchange, type HeaderEditRules, type HeaderEdits, prepareHeaderEdits } from "@kelvin/http-proxy";
import { parseServiceHost, type PlainService } from "../routing/plain-services.ts";
import { chooseSplit, findPath, type HostRoute, type Split, type SplitTarget } from "../routing/route.ts";
import type { RoutingTable } from "../routing/routing-table.ts";
import type { ServiceDirectory } from "../routing/service-directory.ts";
import { RevisionSender, type RevisionSenderDeps } from "./revision-sender.ts";
import { answer, type Sender } from "./sender.ts";
import { sendToService } from "./service-sender.ts";

/** The listeners, by the names that the config gives their ports. */
export type ListenerName = "public" | "local" | "routed";

export interface RequestPathDeps extends RevisionSenderDeps {
  readonly table: RoutingTable;
  readonly services: ServiceDirectory;
  readonly random: () => number;
}

/** What a listener drops before a request leaves us: nobody outside may name a revision or pretend to be one of us. */
const drops: Record<ListenerName, HeaderEditRules> = {
  public: { stripPrefixes: ["knative-serving-", "k-"] },
  local: { strip: ["knative-serving-revision", "knative-serving-namespace"] },
  routed: { strip: ["knative-serving-revision", "knative-serving-namespace"] },
};

/** Makes the function that every well-formed request goes through. It reads the table and counters, and never waits. */
export function makeRequestPath(deps: RequestPathDeps): (exchange: Exchange) => void {
  const splits = {
    public: openSplitSenders("public", deps),
    local: openSplitSenders("local", deps),
  };
  const routed = makeRoutedPath(deps);
  const localEdits = prepareHeaderEdits(drops.local);
  const { table, services, random } = deps;

  return (exchange) => {
    if (exchange.listener === "public") {
      const route = table.findPublic(exchange.host);
      if (route === undefined) answerUnknownHost(exchange);
      else followRoute(route, exchange, { senders: splits.public, random });
      return;
    }
    if (exchange.listener === "routed") {
      routed(exchange);
      return;
    }
    const route = table.findLocal(exchange.host);
    if (route !== undefined) {
      followRoute(route, exchange, { senders: splits.local, random });
      return;
    }
    const service = findPlainService(services, exchange.host);
    if (service === undefined) answerUnknownHost(exchange);
    else sendToService({ service, port: portOf(exchange.authority), edits: localEdits, random }, exchange);
  };
}

interface RouteContext {
  readonly senders: SplitSenders;
  readonly random: () => number;
}

function followRoute(route: HostRoute, exchange: Exchange, { senders, random }: RouteContext): void {
  if (route.redirectsToHttps) {
    exchange.respond(301, "", { location: `https://${exchange.host}${exchange.target}` });
    return;
  }
  const path = findPath(route, exchange);
  const split = path === undefined ? undefined : chooseSplit(path, random());
  if (split === undefined) answer(exchange, 404, `no route for path "${exchange.path}" of host "${exchange.host}"`);
  else senders.get(split).send(exchange);
}

interface SplitSenders {
  get(split: Split): Sender;
}

/** One sender per split and listener, made at its first request; it goes with the split. */
function openSplitSenders(listener: ListenerName, deps: RequestPathDeps): SplitSenders {
  const senders = new WeakMap<Split, Sender>();
  return {
    get(split) {
      let sender = senders.get(split);
      if (sender === undefined) {
        sender = makeSender(split, drops[listener], deps);
        senders.set(split, sender);
      }
      return sender;
    },
  };
}

function makeSender(split: Split, outer: HeaderEditRules, deps: RequestPathDeps): Sender {
  const rules = mergeRules(outer, split.rules);
  const { target } = split;
  if (target.kind === "revision") return new RevisionSender(target, prepareHeaderEdits(rules), deps);
  return makeServiceSender(target, rules, deps);
}

/** A Service that stands for one of our Routes is matched again in the table, once; any other is dialled. */
function makeServiceSender(
  target: Extract<SplitTarget, { kind: "service" }>,
  rules: HeaderEditRules,
  deps: RequestPathDeps,
): Sender {
  const edits = prepareHeaderEdits(rules);
  const nested = new WeakMap<Split, Sender>();
  const { table, services, random } = deps;

  function sendPlain(exchange: Exchange, port: number | string | undefined): void {
    const service = services.find(target.namespace, target.name);
    if (service !== undefined) sendToService({ service, port, edits, random }, exchange);
    else answer(exchange, 503, `service "${target.namespace}/${target.name}" does not exist`);
  }

  return {
    send(exchange) {
      const route = table.findPlaceholder(target.namespace, target.name);
      if (route === undefined) {
        sendPlain(exchange, target.port);
        return;
      }
      const path = findPath(route, exchange);
      const split = path === undefined ? undefined : chooseSplit(path, random());
      if (split === undefined || split.target.kind === "service") {
        answer(exchange, 404, `no revision behind service "${target.namespace}/${target.name}"`);
        return;
      }
      let sender = nested.get(split);
      if (sender === undefined) {
        sender = makeSender(split, rules, deps);
        nested.set(split, sender);
      }
      sender.send(exchange);
    },
  };
}

/** For a gateway in front of us, which has done the matching and says so in two headers. */
function makeRoutedPath(deps: RequestPathDeps): (exchange: Exchange) => void {
  const edits: HeaderEdits = prepareHeaderEdits(drops.routed);
  const senders = new WeakMap<object, Sender>();
  return (exchange) => {
    const name = exchange.header("knative-serving-revision") ?? "";
    const namespace = exchange.header("knative-serving-namespace") ?? "";
    const entry = deps.revisions.find(`${namespace}/${name}`);
    if (entry?.isKnown !== true) {
      answer(exchange, 404, `no revision "${namespace}/${name}"`);
      return;
    }
    let sender = senders.get(entry);
    if (sender === undefined) {
      sender = new RevisionSender({ namespace, name, key: entry.key }, edits, deps);
      senders.set(entry, sender);
    }
    sender.send(exchange);
  };
}

/** The later one wins, as appendHeaders set rather than add. */
function mergeRules(outer: HeaderEditRules, inner: HeaderEditRules): HeaderEditRules {
  const host = inner.host ?? outer.host;
  return {
    strip: [...(outer.strip ?? []), ...(inner.strip ?? [])],
    stripPrefixes: [...(outer.stripPrefixes ?? []), ...(inner.stripPrefixes ?? [])],
    set: { ...outer.set, ...inner.set },
    ...(host === undefined ? {} : { host }),
  };
}

function findPlainService(services: ServiceDirectory, host: string): PlainService | undefined {
  const name = parseServiceHost(host);
  return name === undefined ? undefined : services.find(name.namespace, name.name);
}

function portOf(authority: string): number | undefined {
  const port = Number(/:(\d{1,5})$/.exec(authority)?.[1]);
  return Number.isNaN(port) ? undefined : port;
}

function answerUnknownHost(exchange: Exchange): void {
  answer(exchange, 404, `no service at host "${exchange.host}"`);
}

import type { CoreService, EndpointSlice } from "@kelvin/kube";
import { isIPv4, isIPv6 } from "node:net";
import { hasClusterIp } from "../endpoints.ts";
import { type DnsAnswer, type DnsRecord, recordTypes, responseCodes } from "./message.ts";
import { type AddressOwners, addressOfReverseName, namesOfAddress } from "./reverse-names.ts";

export const clusterDomain = "cluster.local";

/** What names are made of, as it is now. */
export interface NameSource {
  findService(namespace: string, name: string): CoreService | undefined;
  slicesOf(namespace: string, name: string): readonly EndpointSlice[];
  hasNamespace(namespace: string): boolean;
  /** Who has an address. */
  ownersOf(address: string): AddressOwners;
  /** Where `<anything>.localhost` leads: the address at which Pods find the ports that are published on the host. */
  readonly hostAddress: string;
}

export interface Question {
  /** In lower case, without the last dot. */
  readonly name: string;
  readonly type: number;
}

/** An ExternalName may name an ExternalName; a circle must end. */
const CNAMES_MAX = 8;

const nameError: DnsAnswer = { code: responseCodes.nameError, answers: [] };
const noRecords: DnsAnswer = { code: responseCodes.ok, answers: [] };

/** A name that is not the cluster's, and the aliases that led to it. */
export interface OutsideName {
  readonly outsideName: string;
  readonly answers: readonly DnsRecord[];
}

/** Answers a question as the DNS of a Kubernetes cluster does, as far as it is about the cluster. */
export function resolveName(question: Question, source: NameSource): DnsAnswer | OutsideName {
  const answers: DnsRecord[] = [];
  let { name } = question;
  for (let hops = 0; hops <= CNAMES_MAX; hops += 1) {
    const found = lookUp({ name, type: question.type }, source);
    if (found === outside) return { outsideName: name, answers };
    if (!("alias" in found)) return { ...found, answers: [...answers, ...found.answers] };
    answers.push({ type: "CNAME", name, target: found.alias });
    if (question.type === recordTypes.cname) return { code: responseCodes.ok, answers };
    name = found.alias;
  }
  return nameError;
}

const outside = "outside";
type Found = DnsAnswer | { readonly alias: string };

function lookUp(question: Question, source: NameSource): Found | typeof outside {
  const labels = question.name.split(".");
  if (labels.at(-1) === "localhost") return resolveLocalhost(question, labels.length === 1, source);
  const address = addressOfReverseName(question.name);
  if (address !== undefined) return resolveAddress(question, address, source);
  if (labels.at(-2) !== "cluster" || labels.at(-1) !== "local") return outside;
  const inside = labels.slice(0, -2);
  const zone = inside.pop();
  if (zone === undefined) return noRecords;
  if (zone === "svc") return resolveService(question, inside, source);
  if (zone === "pod") return resolvePod(question, inside);
  return nameError;
}

function resolveAddress({ name, type }: Question, address: string, source: NameSource): DnsAnswer {
  const names = namesOfAddress(address, source.ownersOf(address), clusterDomain);
  if (names.length === 0) return nameError;
  const isWanted = type === recordTypes.ptr || type === recordTypes.any;
  return { code: responseCodes.ok, answers: isWanted ? names.map((target) => ({ type: "PTR", name, target })) : [] };
}

function resolveLocalhost({ name, type }: Question, isBare: boolean, { hostAddress }: NameSource): DnsAnswer {
  return addressAnswer({ name, type }, isBare ? ["127.0.0.1", "::1"] : [hostAddress]);
}

/** `10-44-0-2.default.pod`: the address is in the name. */
function resolvePod(question: Question, [dashed = "", ...namespace]: readonly string[]): DnsAnswer {
  const address = dashed.replaceAll("-", ".");
  return namespace.length === 1 && isIPv4(address) ? addressAnswer(question, [address]) : nameError;
}

function resolveService(question: Question, labels: readonly string[], source: NameSource): Found {
  const namespace = labels.at(-1);
  if (namespace === undefined) return noRecords;
  const name = labels.at(-2);
  if (name === undefined) return source.hasNamespace(namespace) ? noRecords : nameError;
  const service = source.findService(namespace, name);
  if (service === undefined) return nameError;
  const target = { service, question, endpoints: endpointsOf(source.slicesOf(namespace, name), service) };
  const below = labels.slice(0, -2);
  if (below.length === 0) return resolveServiceItself(target);
  if (below.length === 1) return resolveEndpoint(target, below[0] ?? "");
  if (below.length === 2) return resolvePort(target, below);
  return nameError;
}

interface NamedEndpoint {
  readonly hostname: string;
  readonly address: string;
  readonly ports: readonly { name: string; protocol: string; port: number }[];
}

interface Target {
  readonly service: CoreService;
  readonly question: Question;
  /** Those of a headless Service; any other is one address. */
  readonly endpoints: readonly NamedEndpoint[];
}

function endpointsOf(slices: readonly EndpointSlice[], service: CoreService): NamedEndpoint[] {
  if (service.spec?.type === "ExternalName" || hasClusterIp(service)) return [];
  return slices.flatMap(({ endpoints, ports }) => {
    const open = (ports ?? []).map(({ name = "", protocol = "TCP", port = 0 }) => ({ name, protocol, port }));
    const ready = (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false);
    return ready.flatMap(({ addresses, hostname }) =>
      addresses.map((address) => ({
        address,
        hostname: hostname ?? address.replaceAll(/[.:]/g, "-"),
        ports: open,
      })),
    );
  });
}

function resolveServiceItself({ service, question, endpoints }: Target): Found {
  const { type, externalName, clusterIP } = service.spec ?? {};
  if (type === "ExternalName") return { alias: (externalName ?? "").toLowerCase().replace(/\.$/, "") };
  if (question.type === recordTypes.srv) return resolveServicePorts({ service, question, endpoints }, () => true);
  if (hasClusterIp(service)) return addressAnswer(question, service.spec?.clusterIPs ?? [clusterIP ?? ""]);
  return endpoints.length === 0
    ? nameError
    : addressAnswer(
        question,
        endpoints.map(({ address }) => address),
      );
}

/** `web-0.web.default.svc`: one Pod of a headless Service, by its hostname or its address with dashes. */
function resolveEndpoint({ question, endpoints }: Target, hostname: string): DnsAnswer {
  const found = endpoints.filter((endpoint) => endpoint.hostname === hostname);
  return found.length === 0
    ? nameError
    : addressAnswer(
        question,
        found.map(({ address }) => address),
      );
}

/** `_http._tcp.web.default.svc`: a port by its name. */
function resolvePort(target: Target, [portLabel = "", protocolLabel = ""]: readonly string[]): DnsAnswer {
  if (!portLabel.startsWith("_") || !protocolLabel.startsWith("_")) return nameError;
  const found = resolveServicePorts(
    target,
    ({ name, protocol }) => `_${name}` === portLabel && `_${protocol.toLowerCase()}` === protocolLabel,
  );
  if (found.answers.length === 0) return nameError;
  return target.question.type === recordTypes.srv || target.question.type === recordTypes.any ? found : noRecords;
}

type IsPort = (port: { name: string; protocol: string }) => boolean;

function resolveServicePorts({ service, question, endpoints }: Target, isWanted: IsPort): DnsAnswer {
  const { name = "", namespace = "" } = service.metadata;
  const home = `${name}.${namespace}.svc.${clusterDomain}`;
  if (hasClusterIp(service)) {
    const ports = (service.spec?.ports ?? []).map(({ name: portName = "", protocol = "TCP", port }) => ({
      name: portName,
      protocol,
      port,
    }));
    const wanted = ports.filter(isWanted);
    const answers = wanted.map(({ port }) => makeSrv(question.name, home, port));
    return { code: responseCodes.ok, answers, additional: addressRecords(home, [service.spec?.clusterIP ?? ""]) };
  }
  const open = endpoints.flatMap((endpoint) =>
    endpoint.ports
      .filter(isWanted)
      .map(({ port }) => ({ port, target: `${endpoint.hostname}.${home}`, address: endpoint.address })),
  );
  return {
    code: responseCodes.ok,
    answers: open.map(({ port, target }) => makeSrv(question.name, target, port)),
    additional: open.flatMap(({ target, address }) => addressRecords(target, [address])),
  };
}

function makeSrv(name: string, target: string, port: number): DnsRecord {
  return { type: "SRV", name, target, port };
}

/** Records of the type that is asked for; a name that has only others exists, but is empty. */
function addressAnswer({ name, type }: Question, addresses: readonly string[]): DnsAnswer {
  const records = addressRecords(name, [...new Set(addresses)]);
  const isWanted = ({ type: has }: DnsRecord): boolean =>
    type === recordTypes.any || type === recordTypes[has.toLowerCase() as "a" | "aaaa"];
  return { code: responseCodes.ok, answers: records.filter(isWanted) };
}

function addressRecords(name: string, addresses: readonly string[]): DnsRecord[] {
  return addresses.flatMap((address): DnsRecord[] => {
    if (isIPv4(address)) return [{ type: "A", name, address }];
    return isIPv6(address) ? [{ type: "AAAA", name, address }] : [];
  });
}

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "@kelvin/kube";
import { addresses } from "../network/network.ts";
import type { Mount } from "./mounts.ts";

/** The Pod whose containers are to resolve names. */
export interface SystemFilesScope {
  readonly pod: Pod;
  readonly podIp: string;
  /** Where the files are written: the Pod's own directory. */
  readonly directory: string;
  /** The container sees an image's files and not the machine's. */
  readonly hasOwnRoot?: boolean;
}

const CLUSTER_DOMAIN = "cluster.local";

/** Writes the files that make names resolve inside a Pod. A machine that lacks one of them goes without. */
export function makeSystemMounts({ pod, podIp, directory, hasOwnRoot = false }: SystemFilesScope): Mount[] {
  const etc = join(directory, "etc");
  mkdirSync(etc, { recursive: true });
  const files = [
    ["hosts", renderHosts(pod, podIp)],
    ["resolv.conf", renderResolver(pod, readIfThere("/etc/resolv.conf"))],
    // An image has the modules that its own one names, and no others.
    hasOwnRoot
      ? (["hostname", `${hostnameOf(pod)}\n`] as const)
      : (["nsswitch.conf", renderNameSwitch(readIfThere("/etc/nsswitch.conf"))] as const),
  ] as const;
  const present = files.filter(([name]) => hasOwnRoot || existsSync(`/etc/${name}`));
  return present.map(([name, text]) => {
    const source = join(etc, name);
    // Containers that run already look at it: for them it must not be empty for a moment.
    if (readIfThere(source) !== text) writeFileSync(source, text);
    return { source, target: `/etc/${name}` };
  });
}

/** What a Pod is called in its own eyes. */
export function hostnameOf({ metadata, spec }: Pod): string {
  return spec?.hostname ?? metadata.name ?? "";
}

/** What a kubelet writes: the loopback names, the Pod's own name, and its aliases. Everything else is in the DNS. */
export function renderHosts(pod: Pod, podIp: string): string {
  const { subdomain, hostAliases = [] } = pod.spec ?? {};
  const own = hostnameOf(pod);
  const namespace = pod.metadata.namespace ?? "";
  const full = subdomain === undefined ? [] : [`${own}.${subdomain}.${namespace}.svc.${CLUSTER_DOMAIN}`];
  const aliases = hostAliases.map(({ ip, hostnames = [] }) => [ip, ...hostnames].join(" "));
  const lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost", [podIp, ...full, own].join(" "), ...aliases];
  return `${lines.join("\n")}\n`;
}

/**
 * The Pod's resolver: the cluster's names first, unless its dnsPolicy says otherwise, and what its dnsConfig adds. Names of
 * the outside are asked of the cluster's nameserver too, which is the only one that a Pod is certain to reach.
 */
export function renderResolver({ metadata, spec }: Pod, host: string): string {
  const { dnsPolicy, dnsConfig } = spec ?? {};
  const preset = presetResolver(dnsPolicy, metadata.namespace ?? "", host);
  const nameservers = unique([...preset.nameservers, ...(dnsConfig?.nameservers ?? [])]).slice(0, NAMESERVERS_MAX);
  const searches = unique([...preset.searches, ...(dnsConfig?.searches ?? [])]);
  const own = (dnsConfig?.options ?? []).map(({ name = "", value }): [string, string | undefined] => [name, value]);
  // One option of a name: the Pod's own wins.
  const options = [...new Map([...preset.options, ...own])].map(([name, value]) =>
    value === undefined ? name : `${name}:${value}`,
  );
  return [
    ...nameservers.map((address) => `nameserver ${address}\n`),
    ...(searches.length === 0 ? [] : [`search ${searches.join(" ")}\n`]),
    ...(options.length === 0 ? [] : [`options ${options.join(" ")}\n`]),
  ].join("");
}

/** As many as resolvers read. */
const NAMESERVERS_MAX = 3;

interface Resolver {
  readonly nameservers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly (readonly [name: string, value: string | undefined])[];
}

function presetResolver(policy: string | undefined, namespace: string, host: string): Resolver {
  if (policy === "None") return { nameservers: [], searches: [], options: [] };
  // The nameserver is in this same machine, but may have to ask the world outside.
  const patience = [
    ["timeout", "2"],
    ["attempts", "3"],
  ] as const;
  if (policy === "Default") return { nameservers: [addresses.dns], searches: searchesOf(host), options: patience };
  return {
    nameservers: [addresses.dns],
    searches: [`${namespace}.svc.${CLUSTER_DOMAIN}`, `svc.${CLUSTER_DOMAIN}`, CLUSTER_DOMAIN],
    options: [["ndots", "5"], ...patience],
  };
}

function searchesOf(host: string): string[] {
  const last = host.split("\n").findLast((line) => /^\s*search\s/.test(line));
  return last === undefined ? [] : last.trim().split(/\s+/).slice(1);
}

function unique(words: readonly string[]): string[] {
  return [...new Set(words)];
}

/** Some machines answer `*.localhost` themselves before they ask the DNS; in a Pod that would be the Pod itself. */
export function renderNameSwitch(host: string): string {
  const others = host.split("\n").filter((line) => !/^\s*hosts\s*:/.test(line));
  return `hosts: files dns\n${others.join("\n")}`;
}

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

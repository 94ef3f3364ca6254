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
}

const CLUSTER_DOMAIN = "cluster.local";

/** Writes the files that make names resolve inside a Pod. A machine that lacks one of them goes without. */
export function makeSystemMounts({ pod, podIp, directory }: SystemFilesScope): Mount[] {
  const etc = join(directory, "etc");
  mkdirSync(etc, { recursive: true });
  const files = [
    ["hosts", renderHosts(pod, podIp)],
    ["resolv.conf", renderResolver(pod.metadata.namespace ?? "")],
    ["nsswitch.conf", renderNameSwitch(readIfThere("/etc/nsswitch.conf"))],
  ] as const;
  const present = files.filter(([name]) => existsSync(`/etc/${name}`));
  return present.map(([name, text]) => {
    const source = join(etc, name);
    writeFileSync(source, text);
    return { source, target: `/etc/${name}` };
  });
}

/** What a kubelet writes: the loopback names, the Pod's own name, and its aliases. Everything else is in the DNS. */
export function renderHosts(pod: Pod, podIp: string): string {
  const { hostname, subdomain, hostAliases = [] } = pod.spec ?? {};
  const own = hostname ?? pod.metadata.name ?? "";
  const namespace = pod.metadata.namespace ?? "";
  const full = subdomain === undefined ? [] : [`${own}.${subdomain}.${namespace}.svc.${CLUSTER_DOMAIN}`];
  const aliases = hostAliases.map(({ ip, hostnames = [] }) => [ip, ...hostnames].join(" "));
  const lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost", [podIp, ...full, own].join(" "), ...aliases];
  return `${lines.join("\n")}\n`;
}

/** The nameserver is in this same machine: one that does not answer within a second never will. */
export function renderResolver(namespace: string): string {
  const search = `${namespace}.svc.${CLUSTER_DOMAIN} svc.${CLUSTER_DOMAIN} ${CLUSTER_DOMAIN}`;
  return `nameserver ${addresses.dns}\nsearch ${search}\noptions ndots:5 timeout:1 attempts:2\n`;
}

/** Some machines answer `*.localhost` themselves before they ask the DNS; in a Pod that would be the Pod itself. */
export function renderNameSwitch(host: string): string {
  const others = host.split("\n").filter((line) => !/^\s*hosts\s*:/.test(line));
  return `hosts: files dns\n${others.join("\n")}`;
}

function readIfThere(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

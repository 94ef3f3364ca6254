import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock, CoreService, Informer } from "@kelvin/kube";
import { hasClusterIp } from "./endpoints.ts";
import { addresses } from "./network.ts";

const CLUSTER_DOMAIN = "svc.cluster.local";
const REWRITE_DELAY_MS = 20;

export interface HostsFiles {
  /** The hosts file for Pods of a namespace, to be mounted on /etc/hosts. It is rewritten in place, so a mount sees changes. */
  hostsFile(namespace: string): string;
  /** The resolver file for Pods of a namespace, to be mounted on /etc/resolv.conf. */
  resolverFile(namespace: string): string;
  close(): void;
}

export interface HostsFilesOptions {
  directory: string;
  services: Informer<CoreService>;
  clock: Clock;
}

/** Keeps the names of all Services in hosts files, one a namespace because a bare name means the Service beside you. */
export function openHostsFiles({ directory, services, clock }: HostsFilesOptions): HostsFiles {
  mkdirSync(directory, { recursive: true });
  const namespaces = new Set<string>();
  let cancel: (() => void) | undefined;

  function write(namespace: string): void {
    writeFileSync(join(directory, `${namespace}.hosts`), renderHosts(services.list(), namespace));
  }
  const unsubscribe = services.onChange(() => {
    cancel ??= clock.setTimer(() => {
      cancel = undefined;
      for (const namespace of namespaces) write(namespace);
    }, REWRITE_DELAY_MS);
  });

  return {
    hostsFile(namespace) {
      if (!namespaces.has(namespace)) {
        namespaces.add(namespace);
        write(namespace);
      }
      return join(directory, `${namespace}.hosts`);
    },
    resolverFile(namespace) {
      const file = join(directory, `${namespace}.resolv`);
      const search = `${namespace}.${CLUSTER_DOMAIN} ${CLUSTER_DOMAIN} cluster.local`;
      writeFileSync(file, `nameserver ${addresses.dns}\nsearch ${search}\noptions ndots:5 timeout:1 attempts:1\n`);
      return file;
    },
    close() {
      unsubscribe();
      cancel?.();
    },
  };
}

/** The hosts file as Pods of `namespace` see the cluster. */
export function renderHosts(services: readonly CoreService[], namespace: string): string {
  const lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost"];
  for (const service of services) {
    const address = addressOf(service, services);
    const { name = "", namespace: home = "" } = service.metadata;
    if (address === undefined) continue;
    const names = [`${name}.${home}.${CLUSTER_DOMAIN}`, `${name}.${home}.svc`, `${name}.${home}`];
    lines.push(`${address} ${[...names, ...(home === namespace ? [name] : [])].join(" ")}`);
  }
  return `${lines.join("\n")}\n`;
}

/** An ExternalName that points back into the cluster has the address of the Service it names. */
function addressOf(service: CoreService, services: readonly CoreService[]): string | undefined {
  if (hasClusterIp(service)) return service.spec?.clusterIP;
  const [name, home, ...domain] = (service.spec?.externalName ?? "").split(".");
  if (!["svc", CLUSTER_DOMAIN].includes(domain.join("."))) return undefined;
  const target = services.find(({ metadata }) => metadata.name === name && metadata.namespace === home);
  return target !== undefined && hasClusterIp(target) ? target.spec?.clusterIP : undefined;
}

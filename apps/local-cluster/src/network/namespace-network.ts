import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@kelvin/kube";
import { openAddressPool } from "./address-pool.ts";
import { runCommand } from "./command.ts";
import { addresses, type Network, type PodNetwork } from "./network.ts";

// Runs in the cluster's own network and mount namespace (apps/cli makes them). Each Pod gets a nested network namespace
// kept alive by a bind mount, with one end of a veth pair in it and the other on the bridge. All of it vanishes with the
// cluster's namespaces, so there is nothing to clean up after a crash.

const WARM_COUNT = 3;
/** Refilling waits for a quiet moment: it must not take the processor from the Pod that is just starting. */
const REFILL_DELAY_MS = 400;

export interface NamespaceNetworkOptions {
  /** A directory of the data directory; becomes the mount point of a private tmpfs. */
  runDir: string;
  clock: Clock;
  /** Pods get a default route, and there is somebody at its end. */
  hasEgress: boolean;
  warmCount?: number;
  reportError: (message: string, error: unknown) => void;
}

/** Makes the bridge and keeps a few Pod networks ready. @throws Error when the kernel refuses any part. */
export async function openNamespaceNetwork(options: NamespaceNetworkOptions): Promise<Network> {
  const { runDir, clock, hasEgress, reportError } = options;
  await mkdir(runDir, { recursive: true });
  await runCommand(["mount", "-t", "tmpfs", "-o", "mode=0700", "kelvin", runDir]);
  await runCommand(["ip", "-batch", "-"], bridgeCommands);
  const egress = hasEgress ? await makeEgressNamespace(runDir) : undefined;
  const pool = openAddressPool(addresses.firstPod, addresses.lastPod);
  const warm: PodNetwork[] = [];
  let sequence = 0;
  let isClosed = false;
  let refilling: Promise<void> | undefined;
  let cancelRefill: () => void = () => undefined;

  async function makePodNetwork(): Promise<PodNetwork> {
    sequence += 1;
    const address = pool.take();
    const file = join(runDir, `net-${sequence}`);
    const port = `pod${sequence}`;
    const close = async (): Promise<void> => {
      // Unmounting drops the last reference, and with the namespace go its veth pair and routes.
      await runCommand(["umount", "--lazy", file]);
      await rm(file, { force: true });
      pool.release(address);
    };
    try {
      await writeFile(file, "");
      await runCommand(["unshare", `--net=${file}`, "ip", "-batch", "-"], podCommands(address, port, hasEgress));
      await runCommand(["ip", "link", "set", port, "up", "master", "kelvin0"]);
    } catch (error) {
      pool.release(address);
      throw error;
    }
    return { address, enter: ["nsenter", `--net=${file}`], close };
  }

  async function refill(): Promise<void> {
    try {
      while (!isClosed && warm.length < (options.warmCount ?? WARM_COUNT)) warm.push(await makePodNetwork());
    } catch (error) {
      reportError("Failed to prepare a Pod network", error);
    } finally {
      refilling = undefined;
    }
  }

  function refillSoon(): void {
    cancelRefill();
    cancelRefill = clock.setTimer(() => {
      refilling ??= refill();
    }, REFILL_DELAY_MS);
  }

  refilling = refill();
  return {
    driver: "namespaces",
    ...(egress !== undefined && { egress }),
    openPodNetwork() {
      refillSoon();
      const ready = warm.shift();
      return ready === undefined ? makePodNetwork() : Promise.resolve(ready);
    },
    async close() {
      isClosed = true;
      cancelRefill();
      await refilling;
    },
  };
}

// Any address of the Service range is local: a process can listen on each without it being configured one by one.
// A bridge without a hardware address of its own takes the lowest of its ports': it changes as Pods come and go, and what
// other Pods have learnt of it leads nowhere until they ask again, up to half a minute later.
const bridgeCommands = `link set lo up
link add kelvin0 address ${hardwareAddress(addresses.bridge)} type bridge forward_delay 0
addr add ${addresses.bridge}/${addresses.podPrefixBits} dev kelvin0
link set kelvin0 up
route add local ${addresses.serviceRange} dev lo
`;

/**
 * Makes the namespace in which every address that is neither a Pod's nor a Service's is local, and points this process's
 * and the Pods' default routes at it. It needs no netfilter, which ordinary users rarely have.
 */
async function makeEgressNamespace(runDir: string): Promise<readonly string[]> {
  const file = join(runDir, "net-egress");
  const resolver = join(runDir, "resolv.conf");
  await writeFile(file, "");
  // Not to answer for the whole world when somebody pings it. Where this is refused, they do get an answer.
  const script = "echo 1 2>/dev/null >/proc/sys/net/ipv4/icmp_echo_ignore_all; exec ip -batch -";
  await runCommand(["unshare", `--net=${file}`, "sh", "-c", script], egressCommands);
  await runCommand(
    ["ip", "-batch", "-"],
    `link set egress up master kelvin0\nroute add default via ${addresses.egress}\n`,
  );
  // For ourselves, in our own mount namespace: the host's name servers are not reachable from here, ours asks the host.
  if (existsSync("/etc/resolv.conf")) {
    const others = (await readFile("/etc/resolv.conf", "utf8"))
      .split("\n")
      .filter((line) => !/^\s*nameserver/.test(line));
    await writeFile(resolver, [`nameserver ${addresses.dns}`, ...others].join("\n"));
    await runCommand(["mount", "--bind", resolver, "/etc/resolv.conf"]);
  }
  return ["nsenter", `--net=${file}`];
}

const egressCommands = `link set lo up
link add eth0 address ${hardwareAddress(addresses.egress)} type veth peer name egress netns 1
addr add ${addresses.egress}/${addresses.podPrefixBits} dev eth0
link set eth0 up
route add unreachable ${addresses.serviceRange}
route add table main local default dev lo
`;

/**
 * Without egress there is no default route: a connection to the outside fails at once with ENETUNREACH instead of being
 * waited for. Run inside the new namespace; process 1 is the init of the cluster's PID namespace and stands for its network.
 */
function podCommands(address: string, port: string, hasEgress: boolean): string {
  const outwards = hasEgress ? `route add default via ${addresses.egress}\n` : "";
  return `link set lo up
link add eth0 address ${hardwareAddress(address)} type veth peer name ${port} netns 1
addr add ${address}/${addresses.podPrefixBits} dev eth0
link set eth0 up
route add ${addresses.serviceRange} via ${addresses.bridge}
${outwards}`;
}

/** One hardware address for each address, so that what was learnt of it holds for whoever has it next. */
function hardwareAddress(address: string): string {
  const bytes = address.split(".").map((byte) => Number(byte).toString(16).padStart(2, "0"));
  return ["0a", "58", ...bytes].join(":");
}

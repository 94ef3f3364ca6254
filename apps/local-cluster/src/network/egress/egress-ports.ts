/**
 * Ports of the outside that are reached unless `--egress-ports` says otherwise: each costs a listening socket, so not all.
 * Remote shells and git, mail, the web, what databases, brokers, caches and tools listen on.
 */
export const usualPorts =
  "21,22,25,53,80,110,143,389,443,465,587,636,853,873,993,995,1433,1521,1883,2181,2222,2379,3000-3010,3128,3306,4000," +
  "4222,4317,4318,4443,5000-5010,5044,5050,5222,5432-5434,5601,5671,5672,5984,6000,6379-6381,6443,6650,7000,7001,7077," +
  "7474,7687,8000-8100,8123,8161,8200,8443-8445,8500,8529,8761,8883,8888,9000-9010,9042,9080,9090-9099,9200,9300,9411," +
  "9418,9443,9644,9999,10000,11211,11434,15672,19092,26257,27017-27019,28015,29092,50051,61613,61616";

/** As many listening sockets as one process is well able to hold. */
const PORTS_MAX = 4_000;

/** Reads "443,8000-8100"; the word "usual" stands for those. @throws Error that names the part that is wrong. */
export function parseEgressPorts(text: string): number[] {
  const ports = new Set<number>();
  for (const part of text.replace(/\busual\b/, usualPorts).split(",")) {
    const { from, to } = /^(?<from>\d{1,5})(?:-(?<to>\d{1,5}))?$/.exec(part.trim())?.groups ?? {};
    const [first, last] = [Number(from), Number(to ?? from)];
    if (!(first >= 1 && first <= last && last <= 65_535)) {
      throw new Error(`egress ports "${part}" is neither a port nor a range like 8000-8100`);
    }
    for (let port = first; port <= last; port += 1) ports.add(port);
    if (ports.size > PORTS_MAX) throw new Error(`egress ports: more than ${PORTS_MAX}; each needs a socket`);
  }
  return [...ports];
}

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { kafkaJarsDir } from "./kafka-jars.ts";

/** Who may use the guarded listener. */
export const kafkaLogin = { username: "ada", password: "secret" } as const;

/** Where a broker listens and how it is reached. */
export interface KafkaPlace {
  readonly ports: {
    /** Clients come here ... */
    readonly client: number;
    /** ... or here, past everything that is in between. */
    readonly internal: number;
    /** Asks for `kafkaLogin`. */
    readonly guarded: number;
    readonly controller: number;
  };
  /** Speaks TLS at one more port, with this certificate. All PEM; the key is PKCS #8. */
  readonly tls?: { readonly port: number; readonly cert: string; readonly key: string };
  /** The `host:port` that clients of the first port are told to use. */
  readonly advertised: string;
  /** Where its log goes, at most 20 MB; stdout when it is not given. */
  readonly logFile?: string;
}

const CLUSTER_ID = "a2VsdmluLWthZmthLXRlcw";

/**
 * Writes what a broker, its own controller, needs into a directory, and leaves what it has kept there. Gives the arguments
 * with which `java` runs it.
 */
export function prepareKafka(dir: string, place: KafkaPlace): string[] {
  const config = join(dir, "server.properties");
  const logging = join(dir, "log4j.properties");
  formatStorage(join(dir, "data"));
  if (place.tls !== undefined)
    writeFileSync(join(dir, KEY_STORE), `${place.tls.key}${place.tls.cert}`, { mode: 0o600 });
  writeFileSync(config, formatConfig(dir, place));
  writeFileSync(logging, formatLogging(place.logFile));
  return [...JVM, `-Dlog4j.configuration=file:${logging}`, "-cp", `${kafkaJarsDir()}/*`, "kafka.Kafka", config];
}

/** One core's worth of compiling less: the broker of a test never gets as far as to need the better code. */
const JVM = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

const KEY_STORE = "tls.pem";

function formatConfig(dir: string, { ports, advertised, tls }: KafkaPlace): string {
  const secure = tls === undefined ? "" : `,SECURE://127.0.0.1:${tls.port}`;
  const { username, password } = kafkaLogin;
  const login = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`;
  return [
    "process.roles=broker,controller",
    "node.id=1",
    `controller.quorum.voters=1@127.0.0.1:${ports.controller}`,
    "controller.listener.names=CONTROLLER",
    "inter.broker.listener.name=INTERNAL",
    `listeners=CLIENT://127.0.0.1:${ports.client},INTERNAL://127.0.0.1:${ports.internal},` +
      `GUARDED://127.0.0.1:${ports.guarded},CONTROLLER://127.0.0.1:${ports.controller}${secure}`,
    `advertised.listeners=CLIENT://${advertised},INTERNAL://127.0.0.1:${ports.internal},` +
      `GUARDED://127.0.0.1:${ports.guarded}${secure}`,
    "listener.security.protocol.map=CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,GUARDED:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SSL",
    ...(tls === undefined ? [] : ["ssl.keystore.type=PEM", `ssl.keystore.location=${join(dir, KEY_STORE)}`]),
    "listener.name.guarded.sasl.enabled.mechanisms=PLAIN",
    `listener.name.guarded.plain.sasl.jaas.config=${login}`,
    `log.dirs=${join(dir, "data")}`,
    "offsets.topic.replication.factor=1",
    "offsets.topic.num.partitions=4",
    // A bus that is away for longer than a week finds its places again.
    "offsets.retention.minutes=2147483647",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "transaction.state.log.num.partitions=4",
    "group.initial.rebalance.delay.ms=0",
    "group.min.session.timeout.ms=1000",
    "broker.session.timeout.ms=3000",
    "auto.create.topics.enable=false",
    "",
  ].join("\n");
}

function formatLogging(file: string | undefined): string {
  const lines =
    file === undefined
      ? ["log4j.appender.out=org.apache.log4j.ConsoleAppender"]
      : [
          "log4j.appender.out=org.apache.log4j.RollingFileAppender",
          `log4j.appender.out.File=${file}`,
          "log4j.appender.out.MaxFileSize=10MB",
          "log4j.appender.out.MaxBackupIndex=1",
        ];
  return [
    "log4j.rootLogger=WARN, out",
    "log4j.logger.kafka.server.KafkaRaftServer=INFO",
    ...lines,
    "log4j.appender.out.layout=org.apache.log4j.PatternLayout",
    "log4j.appender.out.layout.ConversionPattern=%d %p %c: %m%n",
    "",
  ].join("\n");
}

/** As its own tool for that would write it: a broker that finds no metadata makes them. */
function formatStorage(directory: string): void {
  const file = join(directory, "meta.properties");
  if (existsSync(file)) return;
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, ["version=1", `cluster.id=${CLUSTER_ID}`, "node.id=1", ""].join("\n"));
}

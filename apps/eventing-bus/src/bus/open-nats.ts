import type { NatsCredentials } from "@kelvin/bus-nats";
import { DEAD_LETTER_BYTES_MAX, openDurable, type OpenBus } from "./opened-bus.ts";

/** The bus on NATS servers with JetStream. @throws Error naming the variable. */
export function openNats(env: NodeJS.ProcessEnv): OpenBus {
  const servers = serversOf(env["NATS_URL"] ?? "");
  const credentials = credentialsOf(env);
  const name = env["POD_NAME"] ?? "eventing-bus";
  return openDurable(env, {
    kind: "nats",
    deadLetterBytesMax: DEAD_LETTER_BYTES_MAX.disk,
    async open() {
      const { openNatsBus } = await import("@kelvin/bus-nats");
      return openNatsBus({ servers, name, ...(credentials === undefined ? {} : { credentials }) });
    },
  });
}

function serversOf(text: string): string[] {
  const servers = text.split(",").map((server) => server.trim());
  const bad = servers.find((server) => !URL.canParse(server) || !/^(nats|tls):\/\//.test(server));
  if (bad === undefined) return servers;
  throw new Error(`NATS_URL must be a list of nats://host:port or tls://host:port with commas, was "${text}"`);
}

function credentialsOf(env: NodeJS.ProcessEnv): NatsCredentials | undefined {
  const { NATS_CREDS: file = "", NATS_USER: user = "", NATS_PASSWORD: password = "" } = env;
  if (file !== "") return { file };
  if (user !== "") return { user, password };
  if (password === "") return undefined;
  throw new Error("NATS_PASSWORD needs NATS_USER beside it");
}

import type { PubsubOptions } from "@kelvin/bus-pubsub";
import { isHostAndPort } from "./host-and-port.ts";
import { DEAD_LETTER_BYTES_MAX, openDurable, type OpenBus } from "./opened-bus.ts";

/** Google Cloud Pub/Sub, or its emulator, as the environment says. @throws Error naming the variable that is wrong */
export function openPubsub(env: NodeJS.ProcessEnv): OpenBus {
  const options = pubsubOptionsOf(env);
  return openDurable(env, {
    kind: "gcppubsub",
    // Letters are kept at the service, and whoever holds them has them in memory.
    deadLetterBytesMax: (DEAD_LETTER_BYTES_MAX.memory * 3) / 4,
    async open() {
      const { openPubsubBus } = await import("@kelvin/bus-pubsub");
      return openPubsubBus(options);
    },
  });
}

/** @throws Error naming the variable that is wrong */
export function pubsubOptionsOf(env: NodeJS.ProcessEnv): PubsubOptions {
  const { GOOGLE_CLOUD_PROJECT: projectId = "", PUBSUB_EMULATOR_HOST: emulatorHost = "" } = env;
  const { GOOGLE_APPLICATION_CREDENTIALS: keyFile = "", POD_NAME: name = "eventing-bus" } = env;
  // Ids of projects, with the domain before it that old ones have.
  if (!/^(?:[a-z0-9.-]{1,100}:)?[a-z][a-z0-9-]{1,28}[a-z0-9]$/.test(projectId)) {
    throw new Error(
      `GOOGLE_CLOUD_PROJECT must be the id of a project (small letters, digits and dashes, not its number), was "${projectId}"`,
    );
  }
  if (emulatorHost !== "") {
    // It asks for no credentials, so that a key beside it is not looked at.
    return { projectId, name, emulatorHost: emulatorHostOf(emulatorHost) };
  }
  if (keyFile !== "" && !keyFile.startsWith("/")) {
    throw new Error(`GOOGLE_APPLICATION_CREDENTIALS must be the whole path of a key file, was "${keyFile}"`);
  }
  return keyFile === "" ? { projectId, name } : { projectId, name, keyFile };
}

function emulatorHostOf(text: string): string {
  if (isHostAndPort(text)) return text;
  throw new Error(`PUBSUB_EMULATOR_HOST must be host:port, was "${text}"`);
}

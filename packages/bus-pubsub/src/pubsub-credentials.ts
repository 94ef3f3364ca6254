import { readFile } from "node:fs/promises";
import { credentials, Metadata } from "@grpc/grpc-js";
import type { ChannelCredentials } from "@grpc/grpc-js";
import { BusRefusedError } from "@kelvin/bus";

const SCOPE = "https://www.googleapis.com/auth/pubsub";

/** Who we are at the service. */
export interface CredentialOptions {
  /** Host and port of an emulator, which asks for no credentials. */
  readonly emulatorHost?: string;
  /** A file with a service account's key; without it the machine's own credentials are used. */
  readonly keyFile?: string;
}

/**
 * Credentials of a channel: none for an emulator, TLS and tokens for the service. A key is read and tried here, so that a
 * wrong one is told at once.
 *
 * @throws BusRefusedError naming the file.
 */
export async function openCredentials({ emulatorHost, keyFile }: CredentialOptions): Promise<ChannelCredentials> {
  if (emulatorHost !== undefined) return credentials.createInsecure();
  if (keyFile !== undefined) await checkKey(keyFile);
  // Not before it is needed: 90 ms and 20 MB.
  const { GoogleAuth } = await import("google-auth-library");
  const auth = new GoogleAuth({ scopes: [SCOPE], ...(keyFile === undefined ? {} : { keyFilename: keyFile }) });
  const headersFor = async (url: string): Promise<Metadata> => {
    const headers = await auth.getRequestHeaders(url);
    const metadata = new Metadata();
    headers.forEach((value, name) => {
      metadata.set(name, value);
    });
    return metadata;
  };
  try {
    await headersFor("https://pubsub.googleapis.com/");
  } catch (error) {
    const who = keyFile ?? "the machine's own credentials (set GOOGLE_APPLICATION_CREDENTIALS to use a key)";
    throw new BusRefusedError(`Pub/Sub: ${who}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const tokens = credentials.createFromMetadataGenerator((options, callback) => {
    headersFor(options.service_url).then(
      (metadata) => callback(null, metadata),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error))),
    );
  });
  return credentials.combineChannelCredentials(credentials.createSsl(), tokens);
}

async function checkKey(keyFile: string): Promise<void> {
  let key: unknown;
  try {
    key = JSON.parse(await readFile(keyFile, "utf8"));
  } catch (error) {
    const why = error instanceof SyntaxError ? "is no JSON" : error instanceof Error ? error.message : String(error);
    throw new BusRefusedError(`Pub/Sub: the key file ${keyFile}: ${why}; it must be a service account's key as JSON`);
  }
  if (typeof key === "object" && key !== null && "type" in key) return;
  throw new BusRefusedError(
    `Pub/Sub: the key file ${keyFile} has no "type"; it must be a service account's key as JSON`,
  );
}

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
  const client = await openTokens(keyFile);
  const headersFor = async (url: string): Promise<Metadata> => {
    const metadata = new Metadata();
    (await client.getRequestHeaders(url)).forEach((value, name) => {
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

interface Tokens {
  getRequestHeaders(url: string): Promise<Headers>;
}

async function openTokens(keyFile: string | undefined): Promise<Tokens> {
  const key = keyFile === undefined ? undefined : await readKey(keyFile);
  // Not before it is needed: 90 ms and 20 MB.
  const { GoogleAuth, JWT } = await import("google-auth-library");
  if (key?.type !== "service_account" || key.email === undefined || key.privateKey === undefined) {
    return new GoogleAuth({ scopes: [SCOPE], ...(keyFile === undefined ? {} : { keyFilename: keyFile }) });
  }
  const client = new JWT({ email: key.email, key: key.privateKey, scopes: [SCOPE] });
  // Signed here, so that nobody else needs to be reached.
  client.useJWTAccessWithScope = true;
  return client;
}

interface Key {
  readonly type: string;
  readonly email: string | undefined;
  readonly privateKey: string | undefined;
}

async function readKey(keyFile: string): Promise<Key> {
  let key: unknown;
  try {
    key = JSON.parse(await readFile(keyFile, "utf8"));
  } catch (error) {
    const why = error instanceof SyntaxError ? "is no JSON" : error instanceof Error ? error.message : String(error);
    throw new BusRefusedError(`Pub/Sub: the key file ${keyFile}: ${why}; it must be a service account's key as JSON`);
  }
  const textOf = (name: string): string | undefined => {
    const value: unknown = typeof key === "object" && key !== null ? Reflect.get(key, name) : undefined;
    return typeof value === "string" ? value : undefined;
  };
  const type = textOf("type");
  if (type !== undefined) return { type, email: textOf("client_email"), privateKey: textOf("private_key") };
  throw new BusRefusedError(
    `Pub/Sub: the key file ${keyFile} has no "type"; it must be a service account's key as JSON`,
  );
}

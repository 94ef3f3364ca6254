import { readFile } from "node:fs/promises";
import { StepFailure } from "../step-failure.ts";

/** Where to get a file, and who to say we are there. */
export interface Location {
  readonly url: URL;
  /** Sent to the URL's own origin only. */
  readonly authorization: string | undefined;
  /** For people: never with a password. */
  readonly shown: string;
}

/** Where `gs://` leads to. */
export interface BucketOptions {
  /** Base URL of a server that speaks like Google Cloud Storage, or S3 with buckets in the path. */
  readonly endpoint: string;
  /** Holds an OAuth token. Undefined: nobody logs in. */
  readonly tokenFile: string | undefined;
}

/** The endpoint of Google Cloud Storage itself. */
export const googleEndpoint = "https://storage.googleapis.com";

/** Parses an http, https or gs URL. @throws StepFailure `SourceRefused` for any other. */
export async function parseLocation(text: string, bucket: BucketOptions): Promise<Location> {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (/[\u0000-\u0020\u007f]/.test(text)) throw refuse(text, "it holds spaces or control characters");
  if (text.startsWith("gs://")) return await parseObject(text, bucket);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw refuse(text, "write an http, https or gs URL");
  }
  const login =
    url.username === "" ? undefined : `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = "";
  url.password = "";
  url.hash = "";
  const authorization = login === undefined ? undefined : `Basic ${Buffer.from(login).toString("base64")}`;
  return { url, authorization, shown: url.href };
}

/** `gs://bucket/object#generation`. */
async function parseObject(text: string, { endpoint, tokenFile }: BucketOptions): Promise<Location> {
  const [, bucket = "", object = "", generation] = /^gs:\/\/([^/]*)\/([^#]*)(?:#(\d+))?$/.exec(text) ?? [];
  if (!/^[a-z0-9][a-z0-9._-]{1,221}$/.test(bucket) || object === "" || object.split("/").includes("..")) {
    throw refuse(text, "write gs://bucket/object, with #generation if need be");
  }
  const url = parseEndpoint(endpoint);
  const path = object.split("/").map(encodeURIComponent).join("/");
  url.pathname = `${url.pathname.replace(/\/$/, "")}/${bucket}/${path}`;
  if (generation !== undefined) url.searchParams.set("generation", generation);
  const token = tokenFile === undefined ? undefined : (await readFile(tokenFile, "utf8")).trim();
  return { url, authorization: token === undefined ? undefined : `Bearer ${token}`, shown: text };
}

function parseEndpoint(endpoint: string): URL {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url !== undefined && ["http:", "https:"].includes(url.protocol)) return url;
  throw refuse(endpoint, "the endpoint of gs:// must be an http or https URL");
}

function refuse(text: string, why: string): StepFailure {
  const shown = text.replace(/\/\/[^/@]*@/, "//***@").slice(0, 200);
  return new StepFailure("SourceRefused", `${JSON.stringify(shown)} cannot be fetched: ${why}`);
}

import { createHash, createHmac } from "node:crypto";
import type { Clock } from "@kelvin/kube";

/** A bucket, and who may use it. */
export interface S3Bucket {
  /** Such as `https://s3.eu-central-1.amazonaws.com`; buckets are named in the path. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** An object as a list tells it. */
export interface S3Object {
  readonly key: string;
  readonly bytes: number;
  readonly writtenMs: number;
}

/** The four requests that keeping logs takes. Nothing is tried again here. */
export interface S3Client {
  put(key: string, body: string): Promise<void>;
  /** Undefined when there is no such object. */
  get(key: string): Promise<string | undefined>;
  /** All objects whose keys begin so, in the order of their keys. */
  list(prefix: string): Promise<S3Object[]>;
  delete(key: string): Promise<void>;
}

const callMsMax = 30_000;

interface S3Call {
  readonly method: "GET" | "PUT" | "DELETE";
  readonly key: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Opens a client of a bucket that exists. Nothing is sent before the first request. */
export function openS3Client(bucket: S3Bucket, clock: Pick<Clock, "now">): S3Client {
  const send = async (call: S3Call): Promise<{ status: number; text: string }> => {
    const { url, headers } = signS3Request(bucket, call, clock.now());
    const answer = await fetch(url, {
      method: call.method,
      headers,
      ...(call.body === undefined ? {} : { body: call.body }),
      redirect: "error",
      signal: AbortSignal.timeout(callMsMax),
    });
    const text = await answer.text();
    if (answer.ok || answer.status === 404) return { status: answer.status, text };
    throw new Error(`the bucket "${bucket.bucket}" answers ${answer.status} to ${call.method}: ${text.slice(0, 300)}`);
  };
  return {
    async put(key, body) {
      const { status } = await send({ method: "PUT", key, body });
      if (status === 404) throw new Error(`there is no bucket "${bucket.bucket}"`);
    },
    async get(key) {
      const { status, text } = await send({ method: "GET", key });
      return status === 404 ? undefined : text;
    },
    list: (prefix) => listPages(send, prefix),
    async delete(key) {
      await send({ method: "DELETE", key });
    },
  };
}

async function listPages(
  send: (call: S3Call) => Promise<{ status: number; text: string }>,
  prefix: string,
): Promise<S3Object[]> {
  const objects: S3Object[] = [];
  let token: string | undefined;
  do {
    const query = { "list-type": "2", prefix, ...(token === undefined ? {} : { "continuation-token": token }) };
    const { text } = await send({ method: "GET", key: "", query });
    for (const [, content = ""] of text.matchAll(/<Contents>(.*?)<\/Contents>/gs)) {
      const [key, bytes, written] = ["Key", "Size", "LastModified"].map((name) => elementOf(content, name) ?? "");
      objects.push({ key: key ?? "", bytes: Number(bytes), writtenMs: Date.parse(written ?? "") });
    }
    token = elementOf(text, "NextContinuationToken");
  } while (token !== undefined && token !== "");
  return objects;
}

/** Our keys and the other values have no sign that XML would escape, but for tokens. */
function elementOf(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text?.replaceAll("&amp;", "&").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"');
}

/** Signs a request as AWS' Signature Version 4 asks. Pure. */
export function signS3Request(
  { endpoint, bucket, region, accessKeyId, secretAccessKey }: S3Bucket,
  { method, key, query = {}, body = "" }: S3Call,
  now: Date,
): { readonly url: string; readonly headers: Record<string, string> } {
  const base = new URL(endpoint);
  const path = `/${[bucket, ...key.split("/")].map(encode).join("/")}`.replace(/\/$/, key === "" ? "" : "/");
  const queryText = Object.entries(query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .toSorted()
    .join("&");
  const time = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
  const headers: Record<string, string> = {
    host: base.host,
    "x-amz-content-sha256": sha256(body),
    "x-amz-date": time,
  };
  const names = Object.keys(headers).toSorted();
  const canonical = [
    method,
    path,
    queryText,
    ...names.map((name) => `${name}:${headers[name] ?? ""}`),
    "",
    names.join(";"),
    sha256(body),
  ].join("\n");
  const day = time.slice(0, 8);
  const scope = `${day}/${region}/s3/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const signingKey = [day, region, "s3", "aws4_request"].reduce<Buffer>(
    (hmacKey, part) => createHmac("sha256", hmacKey).update(part).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
  const signature = createHmac("sha256", signingKey).update(toSign).digest("hex");
  const credential = `Credential=${accessKeyId}/${scope}`;
  const { host: _, ...sent } = headers;
  return {
    url: `${base.origin}${path}${queryText === "" ? "" : `?${queryText}`}`,
    headers: {
      ...sent,
      authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names.join(";")}, Signature=${signature}`,
    },
  };
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

import { createServer } from "node:https";
import type { Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import { InvalidError, systemClock, toError } from "@kelvin/kube";
import type { Clock, KubeClient } from "@kelvin/kube";
import { silentLog } from "../log.ts";
import type { Log } from "../log.ts";
import { admissionReviewOf, answerAdmission, parseAdmissionReview } from "./admission-review.ts";
import type { AdmissionWebhook } from "./admission-review.ts";
import type { ServiceReference } from "./ca-bundle.ts";
import { openCertificateKeeper } from "./certificate-keeper.ts";

/** Where the API server reaches us, and what we answer. */
export interface AdmissionServerOptions {
  kube: KubeClient;
  /** 0 takes any free port. */
  port: number;
  /** Default `0.0.0.0`. */
  host?: string;
  /** The Service in front of this server; its DNS name is in the certificate. */
  service: ServiceReference;
  /** The Secret, in the Service's namespace, that holds the certificate. Made when missing. */
  secretName: string;
  webhooks: readonly AdmissionWebhook[];
  /** Names of the configurations whose caBundle is kept right. They are made by whoever deploys. */
  mutatingConfigurations?: readonly string[];
  validatingConfigurations?: readonly string[];
  clock?: Clock;
  log?: Log;
}

/** A listening admission server. */
export interface AdmissionServer {
  readonly port: number;
  /** Whether it has a certificate that the configurations trust. Until then TLS handshakes fail. */
  readonly isReady: boolean;
  /** Answers what is under way and stops. */
  close(): Promise<void>;
}

/** Twice the largest object, for UPDATE sends the old one too, with room for escapes. */
const BODY_BYTES_MAX = 8 * 1024 * 1024;
const DRAIN_MS_MAX = 5000;

/**
 * Listens for AdmissionReviews (v1) over TLS, with a certificate that is made here, kept in a Secret for all replicas to
 * share, replaced before it ends, and trusted by the named webhook configurations.
 * @throws Error when the port cannot be bound.
 */
export async function openAdmissionServer(options: AdmissionServerOptions): Promise<AdmissionServer> {
  const { clock = systemClock, log = silentLog } = options;
  const webhooks = new Map(options.webhooks.map((webhook) => [webhook.path, webhook]));
  const server = createServer((request, response) => {
    // Connections that fall idle after `close` would hold it up until they are cut off.
    response.on("finish", () => {
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
    answer({ webhooks, log }, request, response).catch((error: unknown) => {
      log.warn({ err: toError(error) }, "Answering an admission request failed");
      response.destroy();
    });
  });
  server.on("tlsClientError", (err) => log.debug({ err }, "TLS handshake failed"));
  await listen(server, options);
  const keeper = openCertificateKeeper({
    kube: options.kube,
    service: options.service,
    secretName: options.secretName,
    mutatingConfigurations: options.mutatingConfigurations ?? [],
    validatingConfigurations: options.validatingConfigurations ?? [],
    serve: ({ certPem, keyPem }) => server.setSecureContext({ cert: certPem, key: keyPem, minVersion: "TLSv1.2" }),
    clock,
    log,
  });
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    get isReady() {
      return keeper.isReady;
    },
    async close() {
      await Promise.all([keeper.close(), closeServer(server, clock)]);
    },
  };
}

function listen(server: Server, { port, host = "0.0.0.0" }: AdmissionServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function closeServer(server: Server, clock: Clock): Promise<void> {
  const cancel = clock.setTimer(() => server.closeAllConnections(), DRAIN_MS_MAX);
  server.closeIdleConnections();
  return new Promise((resolve) => {
    server.close(() => {
      cancel();
      resolve();
    });
  });
}

interface Answering {
  webhooks: ReadonlyMap<string, AdmissionWebhook>;
  log: Log;
}

async function answer({ webhooks, log }: Answering, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? "").split("?")[0] ?? "";
  const webhook = webhooks.get(path);
  if (webhook === undefined) return refuse(response, 404, `there is no webhook at "${path}"`);
  if (request.method !== "POST") return refuse(response, 405, `webhooks are called by POST, not ${request.method}`);
  const body = await readBody(request);
  if (body === undefined) return refuse(response, 413, `the body is larger than ${BODY_BYTES_MAX} bytes`);
  try {
    const result = await answerAdmission(webhook, parseAdmissionReview(body), log);
    send(response, 200, admissionReviewOf(result));
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    refuse(response, 400, error.message);
  }
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
  }
  return bytes > BODY_BYTES_MAX ? undefined : Buffer.concat(chunks).toString("utf8");
}

function refuse(response: ServerResponse, code: number, message: string): void {
  send(response, code, { error: "BadRequest", message });
}

function send(response: ServerResponse, code: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(code, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
  response.end(text);
}

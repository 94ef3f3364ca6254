// The API server and etcd behind one interface, so that both are asked for the same with the same objects.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { cpuSeconds } from "./machine.ts";
import { startProgram, startSubject, until, type Subject } from "./subject.ts";

/** A store of objects that is reached over HTTP. */
export interface ObjectServer {
  readonly subject: Subject;
  /** From its spawn to the first answer that says it is ready. */
  readonly readyMs: number;
  /** Processor time until then. */
  readonly readyCpuMs: number;
  /** Resolves when the write is acknowledged. */
  write(name: string, object: object): Promise<void>;
  /** Reads all objects at once. Resolves with the bytes of the answer. */
  list(): Promise<number>;
  /** Calls back for each piece that comes; there is one for each write when they are made one at a time. */
  watch(onEvent: () => void): Promise<() => void>;
}

export interface Contestant {
  readonly name: string;
  /** Starts it on a directory, which may hold the data of an earlier run. */
  start(directory: string): Promise<ObjectServer>;
}

const ports = { api: 17_190, etcd: 17_191, etcdPeer: 17_192 };
const configMaps = "/api/v1/namespaces/default/configmaps";
const keyPrefix = `/registry${configMaps}/`;

interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

type Send = (call: Call) => Promise<IncomingMessage>;

/** Sends over one pool of connections. @throws for an answer that is no success */
function makeSend(request: typeof httpRequest, options: RequestOptions): Send {
  return ({ method, path, body }) =>
    new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
      const headers = { "content-type": "application/json", ...(options.headers as object), ...length };
      const sent = request({ ...options, method, path, headers }, (answer) => {
        if ((answer.statusCode ?? 0) < 300) resolve(answer);
        else {
          answer.resume();
          reject(new Error(`${method} ${path} was answered with ${String(answer.statusCode)}`));
        }
      });
      sent.on("error", reject);
      sent.end(body);
    });
}

async function bytesOf(answer: IncomingMessage): Promise<number> {
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) bytes += chunk.length;
  return bytes;
}

async function follow(answer: IncomingMessage, onEvent: () => void): Promise<() => void> {
  answer.on("data", onEvent);
  answer.on("error", () => undefined);
  return Promise.resolve(() => answer.destroy());
}

async function untilReady(
  subject: Subject,
  isReady: () => Promise<unknown>,
): Promise<{ readyMs: number; readyCpuMs: number }> {
  const startedMs = performance.now();
  const ask = (): Promise<boolean> =>
    isReady().then(
      () => true,
      () => false,
    );
  await until(ask, { subject, what: "the server to be ready", pauseMs: 2 });
  return { readyMs: performance.now() - startedMs, readyCpuMs: cpuSeconds(subject.pid) * 1_000 };
}

const poolSize = 64;
/** Of one run: its first start fills it, as a machine's first start does. */
const compileCache = join(tmpdir(), `kelvin-bench-compile-cache-${process.pid}`);
process.once("exit", () => rmSync(compileCache, { recursive: true, force: true }));

/** Our API server: over TLS, with a token, every write through the whole registry. */
export const apiServer: Contestant = {
  name: "kelvin",
  async start(directory) {
    const kubeconfig = join(directory, "kubeconfig");
    const program = "apps/local-cluster/src/api-server/dev.ts";
    const subject = startSubject(program, [kubeconfig, String(ports.api), directory], {
      env: { NODE_COMPILE_CACHE: compileCache },
    });
    const base = { host: "127.0.0.1", port: ports.api, rejectUnauthorized: false };
    const bare = makeSend(httpsRequest, { ...base, agent: false } as RequestOptions);
    const ready = await untilReady(subject, async () => bytesOf(await bare({ method: "GET", path: "/readyz" })));
    await until(async () => (await readFile(kubeconfig, "utf8").catch(() => "")) !== "", {
      subject,
      what: "its kubeconfig",
    });
    const { users } = parse(await readFile(kubeconfig, "utf8")) as { users: { user: { token: string } }[] };
    const headers = { authorization: `Bearer ${users[0]?.user.token ?? ""}` };
    const agent = new HttpsAgent({ keepAlive: true, maxSockets: poolSize });
    const send = makeSend(httpsRequest, { ...base, agent, headers } as RequestOptions);
    const open = makeSend(httpsRequest, { ...base, agent: false, headers } as RequestOptions);
    return {
      subject,
      ...ready,
      write: async (_name, object) =>
        void (await bytesOf(await send({ method: "POST", path: configMaps, body: JSON.stringify(object) }))),
      list: async () => bytesOf(await send({ method: "GET", path: configMaps })),
      watch: async (onEvent) => {
        const path = `${configMaps}?watch=1&resourceVersion=${await currentVersion(send)}`;
        return follow(await open({ method: "GET", path }), onEvent);
      },
    };
  },
};

async function currentVersion(send: Send): Promise<string> {
  let text = "";
  for await (const chunk of await send({ method: "GET", path: `${configMaps}?limit=1` })) text += String(chunk);
  return (JSON.parse(text) as { metadata: { resourceVersion: string } }).metadata.resourceVersion;
}

/** etcd through its own gateway from HTTP and JSON to gRPC: no TLS, no token, no registry. */
export const etcd: Contestant = {
  name: "etcd",
  async start(directory) {
    const url = `http://127.0.0.1:${ports.etcd}`;
    const peerUrl = `http://127.0.0.1:${ports.etcdPeer}`;
    const args = ["--data-dir", directory, "--listen-client-urls", url, "--advertise-client-urls", url];
    const peer = ["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl];
    const cluster = ["--initial-cluster", `default=${peerUrl}`, "--log-level", "error"];
    const subject = startProgram("etcd", [...args, ...peer, ...cluster], { errors: "ignore" });
    const base = { host: "127.0.0.1", port: ports.etcd };
    const bare = makeSend(httpRequest, { ...base, agent: false });
    const ready = await untilReady(subject, async () => bytesOf(await bare({ method: "GET", path: "/health" })));
    const send = makeSend(httpRequest, { ...base, agent: new HttpAgent({ keepAlive: true, maxSockets: poolSize }) });
    const encode = (text: string): string => Buffer.from(text).toString("base64");
    const range = { key: encode(keyPrefix), range_end: encode(`${keyPrefix.slice(0, -1)}0`) };
    const post = (path: string, body: object): Call => ({ method: "POST", path, body: JSON.stringify(body) });
    return {
      subject,
      ...ready,
      write: async (name, object) => {
        const body = { key: encode(keyPrefix + name), value: encode(JSON.stringify(object)) };
        await bytesOf(await send(post("/v3/kv/put", body)));
      },
      list: async () => bytesOf(await send(post("/v3/kv/range", range))),
      watch: async (onEvent) => {
        const answer = await bare(post("/v3/watch", { create_request: range }));
        // Its first piece says that the watch is there.
        await new Promise((resolve) => answer.once("data", resolve));
        return follow(answer, onEvent);
      },
    };
  },
};

/** The version of the etcd on the PATH; `undefined` where there is none. */
export function findEtcd(): string | undefined {
  const { status, stdout } = spawnSync("etcd", ["--version"], { encoding: "utf8" });
  return status === 0 ? /etcd Version: (\S+)/.exec(stdout)?.[1] : undefined;
}

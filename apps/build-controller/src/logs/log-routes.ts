import type { FastifyInstance, FastifyReply, FastifyRequest } from "@kelvin/http-service";
import type { LogReader } from "./log-access.ts";
import type { LogStore, StoredBuild, StoredLog } from "./log-store.ts";

export interface LogRoutesDeps {
  readonly store: LogStore;
  readonly access: LogReader;
}

interface BuildRequest {
  Params: { namespace: string; name: string };
  Querystring: { uid?: string; container?: string; timestamps?: string };
}

/** Serves what is kept of the logs to whoever may `get pods/log` in the namespace. */
export function addLogRoutes(app: FastifyInstance, deps: LogRoutesDeps): void {
  app.get<BuildRequest>("/v1/namespaces/:namespace/builds/:name/logs", async (request, reply) => {
    const found = await findLogs(request, reply, deps);
    if (found === undefined) return reply;
    return {
      logs: found.map(({ buildUid, pod, container, bytes, isComplete }) => ({
        buildUid,
        pod,
        container,
        bytes,
        isComplete,
      })),
    };
  });
  app.get<BuildRequest>("/v1/namespaces/:namespace/builds/:name/log", async (request, reply) => {
    const found = await findLogs(request, reply, deps);
    if (found === undefined) return reply;
    const { container, timestamps } = request.query;
    const wanted = container === undefined ? found : found.filter((log) => log.container === container);
    if (wanted.length === 0) return refuse(reply, 404, `there is no log of container "${container}"`);
    const { Readable } = await import("node:stream");
    const text = readAll(wanted, deps.store, { timestamps: timestamps === "true", prefixed: container === undefined });
    return reply.type("text/plain; charset=utf-8").send(Readable.from(text));
  });
}

/** The logs of the newest Build of that name, or of the one with the uid. Undefined when the answer has been given. */
async function findLogs(
  request: FastifyRequest<BuildRequest>,
  reply: FastifyReply,
  { store, access }: LogRoutesDeps,
): Promise<StoredLog[] | undefined> {
  const { namespace, name } = request.params;
  const verdict = await access.mayRead(request.headers.authorization, namespace);
  if (verdict !== undefined) {
    await refuse(reply, verdict.code, verdict.message);
    return undefined;
  }
  const builds = await listBuilds(store, namespace, name);
  const { uid } = request.query;
  const build = uid === undefined ? newest(builds) : builds.find(({ buildUid }) => buildUid === uid);
  if (build !== undefined) return await store.list(build);
  await refuse(reply, 404, `no log is kept of build "${name}" in namespace "${namespace}"`);
  return undefined;
}

async function listBuilds(store: LogStore, namespace: string, build: string): Promise<StoredBuild[]> {
  try {
    return await store.listBuilds({ namespace, build });
  } catch (error) {
    // No name of Kubernetes, so there is no Build of it.
    if (error instanceof RangeError) return [];
    throw error;
  }
}

function newest(builds: readonly StoredBuild[]): StoredBuild | undefined {
  return builds.toSorted((a, b) => b.writtenMs - a.writtenMs)[0];
}

function refuse(reply: FastifyReply, code: number, message: string): FastifyReply {
  const words: Record<number, string> = { 401: "Unauthorized", 403: "Forbidden", 404: "NotFound" };
  return reply.code(code).send({ error: words[code] ?? "Error", message });
}

interface Form {
  readonly timestamps: boolean;
  readonly prefixed: boolean;
}

async function* readAll(logs: readonly StoredLog[], store: LogStore, form: Form): AsyncGenerator<string> {
  const { splitLogLines } = await import("./log-lines.ts");
  for (const log of logs) {
    for await (const lines of splitLogLines(store.read(log), { batchMax: 500, takesRest: true })) {
      yield lines.map((line) => `${formLine(line, log.container, form)}\n`).join("");
    }
  }
}

function formLine(line: string, container: string, { timestamps, prefixed }: Form): string {
  const text = timestamps ? line : line.slice(line.indexOf(" ") + 1);
  return prefixed ? `[${container}] ${text}` : text;
}

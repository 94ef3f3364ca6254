import type { FastifyInstance } from "@kelvin/http-service";
import { BadReportError, parseReportLines } from "../reports/report-lines.ts";
import type { ReportLedger, RevisionKey } from "../reports/report-ledger.ts";
import type { ScaleBook } from "../pod-autoscaler/scale-book.ts";

/** What the internal endpoints use. */
export interface InternalRoutes {
  readonly ledger: ReportLedger;
  readonly book: ScaleBook;
  /** Whether this replica decides now; reports belong to the one that does. */
  readonly isLeading: () => boolean;
  /** Called for each revision with something queued. */
  readonly onQueued: (key: RevisionKey) => void;
}

/** Adds the endpoints of `@kelvin/api/scaling` that the autoscaler serves, and the explanation of decisions. */
export function addInternalRoutes(fastify: FastifyInstance, routes: InternalRoutes): void {
  // Reports are read as they come: no parser may collect the body first.
  fastify.addContentTypeParser("application/x-ndjson", (_request, payload, done) => done(null, payload));

  fastify.post("/internal/v1/reports", { bodyLimit: Number.MAX_SAFE_INTEGER }, async (request, reply) => {
    if (!routes.isLeading())
      return await reply.code(503).send({ error: "this autoscaler does not lead; ask the holder of the Lease" });
    try {
      await takeReports(request.body as AsyncIterable<Buffer>, routes);
    } catch (error) {
      if (!(error instanceof BadReportError)) throw error;
      return await reply.code(400).send({ error: error.message });
    }
    return await reply.code(204).send();
  });

  fastify.get<{ Params: { namespace: string; revision: string } }>(
    "/internal/v1/decisions/:namespace/:revision",
    async (request, reply) => {
      const key = `${request.params.namespace}/${request.params.revision}`;
      const explained = routes.book.find(key)?.explained;
      if (explained === undefined) return await reply.code(404).send({ error: `no decision about ${key} yet` });
      return { revision: key, ...explained };
    },
  );
}

/** Runs until the stream ends, breaks, or this replica no longer leads. */
async function takeReports(body: AsyncIterable<Buffer>, routes: InternalRoutes): Promise<void> {
  let activator: string | undefined;
  try {
    for await (const report of parseReportLines(body)) {
      if (!routes.isLeading()) return;
      activator = report.activator;
      for (const key of routes.ledger.record(report)) routes.onQueued(key);
    }
  } finally {
    if (activator !== undefined) routes.ledger.markStreaming(activator, false);
  }
}

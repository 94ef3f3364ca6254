import {
  CordonRequest,
  HoldRequest,
  type CordonReply,
  type HoldReply,
  type RoutingTableReport,
} from "@kelvin/api/scaling";
import type { FastifyInstance } from "@kelvin/http-service";
import type { TableFeed } from "../routing/table-feed.ts";
import type { RevisionDirectory } from "../throttler/revision-directory.ts";

export interface InternalRoutesDeps {
  readonly revisions: RevisionDirectory;
  readonly feed: TableFeed;
}

const waitSecondsMax = 60;

/** What the autoscaler and the serving-controller may ask of us; the contract is in @kelvin/api/scaling. */
export function addInternalRoutes(fastify: FastifyInstance, { revisions, feed }: InternalRoutesDeps): void {
  fastify.post<{ Body: CordonRequest; Reply: CordonReply }>(
    "/internal/v1/cordon",
    { schema: { body: CordonRequest } },
    ({ body }) => {
      const { throttler } = revisions.ensure(body.namespace, body.revision);
      throttler.cordon(body.pods);
      return { inFlight: throttler.inFlightByName(body.pods) };
    },
  );
  fastify.post<{ Body: CordonRequest; Reply: CordonReply }>(
    "/internal/v1/uncordon",
    { schema: { body: CordonRequest } },
    ({ body }) => {
      const throttler = revisions.find(`${body.namespace}/${body.revision}`)?.throttler;
      throttler?.uncordon(body.pods);
      return { inFlight: throttler?.inFlightByName(body.pods) ?? {} };
    },
  );
  fastify.post<{ Body: HoldRequest; Reply: HoldReply }>(
    "/internal/v1/hold",
    { schema: { body: HoldRequest } },
    ({ body }) => {
      const entry = revisions.ensure(body.namespace, body.revision);
      const holding = entry.throttler.hold();
      if (holding) revisions.watch(entry);
      return { holding };
    },
  );
  fastify.get<{ Querystring: { since?: number; waitSeconds?: number }; Reply: RoutingTableReport }>(
    "/internal/v1/table",
    {
      schema: {
        querystring: {
          type: "object",
          properties: {
            since: { type: "integer", minimum: 0 },
            waitSeconds: { type: "number", minimum: 0, maximum: waitSecondsMax },
          },
        },
      },
    },
    async ({ query }) => {
      if (query.since !== undefined) await feed.waitBeyond(query.since, (query.waitSeconds ?? 0) * 1_000);
      return feed.report();
    },
  );
}

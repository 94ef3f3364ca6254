import type { FastifyReply } from "@kelvin/http-service";
import { mediaTypes } from "@kelvin/oci/content";
import { RegistryError } from "./registry-error.ts";
import type { Route } from "./route.ts";
import type { Exchange } from "./serve.ts";

const pageEntriesMax = 1000;

/** Lists the tags of a repository, page by page. */
export async function serveTags(
  { repository }: Extract<Route, { kind: "tags" }>,
  exchange: Exchange,
): Promise<FastifyReply> {
  const tags = await exchange.storage.repositories.tags(repository);
  if (tags === undefined) throw new RegistryError("NAME_UNKNOWN", `there is no repository ${repository}`);
  return exchange.reply.send({ name: repository, tags: pageOf(tags, exchange) });
}

/** Lists the repositories, page by page. */
export async function serveCatalog(exchange: Exchange): Promise<FastifyReply> {
  const names = await exchange.storage.repositories.names("manifests");
  return exchange.reply.send({ repositories: pageOf(names, exchange) });
}

/** Lists what refers to a manifest. */
export async function serveReferrers(
  { repository, digest }: Extract<Route, { kind: "referrers" }>,
  { reply, query, storage }: Exchange,
): Promise<FastifyReply> {
  const all = await storage.repositories.referrers(repository, digest);
  const type = query.get("artifactType");
  if (type !== null) reply.header("oci-filters-applied", "artifactType");
  const manifests = all.filter(({ artifactType }) => type === null || artifactType === type);
  const index = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  // As bytes: to a text a charset would be added, which this type has not.
  return reply.header("content-type", mediaTypes.ociIndex).send(Buffer.from(index));
}

/** The page that `n` and `last` ask for; where more follow, the answer links to them. */
function pageOf(entries: readonly string[], { request, reply, query }: Exchange): string[] {
  const count = parseCount(query.get("n"));
  const last = query.get("last");
  const rest = last === null ? entries : entries.filter((entry) => entry > last);
  const page = rest.slice(0, count);
  const end = page.at(-1);
  if (page.length < rest.length && end !== undefined) {
    const next = new URLSearchParams({ n: String(count), last: end });
    reply.header("link", `<${request.url.split("?")[0]}?${next.toString()}>; rel="next"`);
  }
  return page;
}

function parseCount(text: string | null): number {
  if (text === null) return pageEntriesMax;
  if (!/^\d+$/.test(text)) throw new RegistryError("UNSUPPORTED", "n must be a number of entries", { status: 400 });
  return Math.min(Number(text), pageEntriesMax);
}

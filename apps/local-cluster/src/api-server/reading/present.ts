import { type ApiObject, textOf } from "../api-object.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Deletion } from "../registry/delete.ts";
import type { ListPage } from "../registry/list-page.ts";
import { apiVersionOf, type Resource } from "../resource.ts";
import { parseAccept, type Presentation } from "./accept.ts";
import { makeTable, parseIncludeObject } from "./table.ts";

export interface Presented {
  readonly text: string;
  readonly contentType: string;
}

const json = "application/json";

export function presentObject(exchange: Exchange, resource: Resource, object: ApiObject): Presented {
  const presentation = parseAccept(exchange.request.headers.accept);
  return { text: presenter(exchange, resource, presentation)(object), contentType: json };
}

/** How single objects, as in watch events, are written for this client. */
export function presenter(
  exchange: Exchange,
  resource: Resource,
  presentation: Presentation,
): (object: ApiObject) => string {
  switch (presentation) {
    case "object":
      return textOf;
    case "metadata":
      return (object) => JSON.stringify(metadataOnly(object));
    case "table": {
      const includeObject = parseIncludeObject(exchange.query.get("includeObject"));
      return (object) =>
        JSON.stringify(
          makeTable(resource, [object], {
            metadata: { resourceVersion: object.metadata.resourceVersion ?? "" },
            includeObject,
          }),
        );
    }
  }
}

export function metadataOnly({ metadata }: ApiObject): ApiObject {
  return { apiVersion: "meta.k8s.io/v1", kind: "PartialObjectMetadata", metadata };
}

export function presentList(exchange: Exchange, resource: Resource, list: ListPage): Presented {
  const presentation = parseAccept(exchange.request.headers.accept);
  return { text: listText(exchange, resource, { list, presentation }), contentType: json };
}

function listText(
  exchange: Exchange,
  resource: Resource,
  { list, presentation }: { list: ListPage; presentation: Presentation },
): string {
  const { items, resourceVersion, continueToken, remainingItemCount } = list;
  const metadata = { resourceVersion, continue: continueToken, remainingItemCount };
  if (presentation === "table") {
    const includeObject = parseIncludeObject(exchange.query.get("includeObject"));
    return JSON.stringify(makeTable(resource, items, { metadata, includeObject }));
  }
  const isMetadata = presentation === "metadata";
  const head = JSON.stringify({
    kind: isMetadata ? "PartialObjectMetadataList" : resource.listKind,
    apiVersion: isMetadata ? "meta.k8s.io/v1" : apiVersionOf(resource),
    metadata,
  });
  const rows = items.map((item) => (isMetadata ? JSON.stringify(metadataOnly(item)) : textOf(item)));
  return `${head.slice(0, -1)},"items":[${rows.join(",")}]}`;
}

export function presentDeletion(exchange: Exchange, resource: Resource, deletion: Deletion): Presented {
  if ("gone" in deletion) return { text: JSON.stringify(deletion.gone), contentType: json };
  const presentation = parseAccept(exchange.request.headers.accept);
  if (presentation === "table") return { text: textOf(deletion.terminating), contentType: json };
  return presentObject(exchange, resource, deletion.terminating);
}

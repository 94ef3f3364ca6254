/** How an HTTP message carries CloudEvents; `none` is a message that carries no CloudEvent. */
export type MessageMode = "binary" | "structured" | "batch" | "none";

/** The media type without parameters, in lower case: `Application/JSON; charset=utf-8` is `application/json`. */
export function essence(contentType: string): string {
  const end = contentType.indexOf(";");
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase();
}

/** Whether data of this type is JSON (`application/json`, `text/json`, any `+json`); without a type it is. */
export function isJsonType(contentType: string | undefined): boolean {
  if (contentType === undefined) return true;
  const type = essence(contentType);
  return type === "application/json" || type === "text/json" || type.endsWith("+json");
}

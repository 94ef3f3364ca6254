/**
 * The URL that a subscriber or a replyTo means. With a scheme it is meant as it is; a name without a dot is a Service of the
 * namespace; anything else is a host. A port and a path may follow. Undefined: it means none that events can be posted to.
 */
export function targetUrl(target: string, namespace: string): URL | undefined {
  const text = target.includes("://") ? target : `http://${hostOf(target, namespace)}`;
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.protocol === "http:" || url.protocol === "https:" ? url : undefined;
}

function hostOf(target: string, namespace: string): string {
  const [, host = "", rest = ""] = /^([^:/?#]*)(.*)$/s.exec(target) ?? [];
  return host.includes(".") ? target : `${host}.${namespace}.svc.cluster.local${rest}`;
}

/** Whose keys mean something to the cluster: a Build's author must not set them on a Pod by way of the Build. */
const reservedDomains = [
  "kubernetes.io",
  "k8s.io",
  "istio.io",
  "linkerd.io",
  "kuma.io",
  "cilium.io",
  "openservicemesh.io",
  "consul.hashicorp.com",
  "k8s.aws",
];

/** The labels or annotations of a Build that its Pod may have too. */
export function copiedToPod(entries: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(entries).filter(([key]) => !isReserved(key)));
}

function isReserved(key: string): boolean {
  const slash = key.indexOf("/");
  const domain = slash < 0 ? "" : key.slice(0, slash);
  return reservedDomains.some((reserved) => domain === reserved || domain.endsWith(`.${reserved}`));
}

import { type Fields, isFields, type Manifest } from "../kustomize/manifest.ts";

/** The ports that deploy/overlays/local names, and the first of which `--http-port` replaces. */
const OVERLAY_HTTP_PORT = 8080;
export const OVERLAY_REGISTRY_PORT = 5000;
const REGISTRY_NAMESPACE = "kelvin-registry";
/** What a published port is on the host, where that is another; apps/local-cluster reads it. */
const hostPortsAnnotation = "kelvin.dev/host-ports";

export interface ChosenPorts {
  readonly httpPort: number;
  readonly registryPort: number;
}

/**
 * Puts the chosen ports into the published Services and into the port of the URLs that status shows. The registry keeps its
 * port inside the cluster, where images are named after it; only on the host it may have another.
 */
export function setPorts(manifests: readonly Manifest[], { httpPort, registryPort }: ChosenPorts): Manifest[] {
  return manifests.map((manifest) => {
    if (manifest.kind === "Service" && manifest.metadata.namespace === REGISTRY_NAMESPACE) {
      if (registryPort === OVERLAY_REGISTRY_PORT) return manifest;
      const annotations = {
        ...manifest.metadata.annotations,
        [hostPortsAnnotation]: `${OVERLAY_REGISTRY_PORT}:${registryPort}`,
      };
      return { ...manifest, metadata: { ...manifest.metadata, annotations } };
    }
    if (manifest.kind === "Service" && isFields(manifest.spec) && manifest.spec.type === "LoadBalancer") {
      return { ...manifest, spec: { ...manifest.spec, ports: shiftPorts(manifest.spec.ports, httpPort) } };
    }
    if (manifest.kind === "ConfigMap" && manifest.metadata.name === "config-network") {
      const data = isFields(manifest.data) ? manifest.data : {};
      return { ...manifest, data: { ...data, "kelvin.dev/external-port": String(httpPort) } };
    }
    return manifest;
  });
}

function shiftPorts(ports: unknown, httpPort: number): unknown[] {
  const list: unknown[] = Array.isArray(ports) ? ports : [];
  return list.map((port): unknown => {
    const fields: Fields = isFields(port) ? port : {};
    return { ...fields, port: httpPort + Number(fields.port) - OVERLAY_HTTP_PORT };
  });
}

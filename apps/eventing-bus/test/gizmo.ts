import type { CustomResourceDefinition, Kind, KubeClient, KubeObject, ObjectKey } from "@kelvin/kube";
import { until } from "./api-servers.ts";

// A kind of somebody else's, with an address in its status and a plural that nobody would guess.

export interface Gizmo extends KubeObject {
  status?: object;
}
export const Gizmo: Kind<Gizmo> = {
  group: "example.com",
  version: "v1",
  kind: "Gizmo",
  plural: "gizmata",
  namespaced: true,
};
export const gizmoDefinition: CustomResourceDefinition = {
  metadata: { name: "gizmata.example.com" },
  spec: {
    group: "example.com",
    names: { kind: "Gizmo", plural: "gizmata", singular: "gizmo", listKind: "GizmoList" },
    scope: "Namespaced",
    versions: [
      {
        name: "v1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

/** Makes a Gizmo that takes events there, once its kind is served. */
export async function setGizmoAddress(kube: KubeClient, key: ObjectKey, url: string): Promise<void> {
  const made = await until(() => kube.create(Gizmo, { metadata: { ...key } }).catch(() => undefined));
  await kube.update(Gizmo, { ...made, status: { address: { url } } }, { subresource: "status" });
}

import type { ApiObject } from "../api-object.ts";
import type { Registry } from "../registry/request.ts";
import type { Admission } from "./admission.ts";
import { admitServiceAccount } from "./service-account.ts";

/** The built-in admission, then the webhooks. */
export function makeAdmission(registry: () => Registry, webhooks: Admission): Admission {
  return {
    async mutate(reviewed) {
      const { request, operation } = reviewed;
      let object: ApiObject = reviewed.object;
      const isNewPod =
        operation === "CREATE" && request.resource.storageType === "/pods" && request.subresource === undefined;
      if (isNewPod) object = admitServiceAccount(registry(), request.resource, object);
      return webhooks.mutate({ ...reviewed, object });
    },
    validate: (reviewed) => webhooks.validate(reviewed),
  };
}

export const noWebhooks: Admission = {
  mutate: (reviewed) => Promise.resolve(reviewed.object),
  validate: () => Promise.resolve(),
};

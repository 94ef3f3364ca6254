import type { ApiObject } from "../api-object.ts";
import type { Registry } from "../registry/request.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import type { Admission } from "./admission.ts";
import { admitServiceAccount } from "./service-account.ts";
import { openWebhooks } from "./webhooks.ts";

/** The built-in admission, then the webhooks. */
export function openAdmission({
  store,
  now,
  authorizer,
}: Pick<Registry, "store" | "now"> & { authorizer: Pick<Authorizer, "checkEscalation"> }): Admission & {
  close(): void;
} {
  const webhooks = openWebhooks(store);
  return {
    mutate(reviewed) {
      const { request, operation } = reviewed;
      const isNewPod = operation === "CREATE" && request.resource.storageType === "/pods";
      const object: ApiObject = isNewPod
        ? admitServiceAccount({ store, now }, request.resource, reviewed.object)
        : reviewed.object;
      return webhooks.mutate({ ...reviewed, object });
    },
    validate(reviewed) {
      authorizer.checkEscalation(reviewed);
      return webhooks.validate(reviewed);
    },
    close: () => webhooks.close(),
  };
}

import { defaultDelivery, defaultDestination } from "../../duck/destination.defaults.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { Subscription } from "./subscription.types.ts";

/** Fills in what the author left out. Changes the object given; give it a copy. */
export function defaultSubscription(subscription: Subscription): void {
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(Subscription, subscription).length > 0) return;
  const { namespace } = subscription.metadata;
  const spec = (subscription.spec ??= {});
  defaultDestination(spec.subscriber, namespace);
  defaultDestination(spec.reply, namespace);
  defaultDelivery(spec.delivery, namespace);
}

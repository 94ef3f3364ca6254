import type { ObjectKey } from "@kelvin/api";
import type { Trigger } from "@kelvin/api/eventing/v1/kinds";

/**
 * The Broker that a Trigger wants events of. Undefined: it names none of its own namespace; whether it may have the events of
 * another would have to be asked, and nobody does.
 */
export function brokerKeyOf({ metadata: { namespace = "" }, spec }: Trigger): Required<ObjectKey> | undefined {
  const { broker = "", brokerRef } = spec ?? {};
  const name = brokerRef === undefined ? broker : (brokerRef.name ?? "");
  return name === "" || (brokerRef?.namespace ?? namespace) !== namespace ? undefined : { namespace, name };
}

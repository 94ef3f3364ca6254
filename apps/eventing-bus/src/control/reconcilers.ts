import type { ControlPlanePart } from "@kelvin/controller";
import { openBrokerController } from "./broker/controller.ts";
import { openBusController, openClusterBusController } from "./bus/controller.ts";
import { openBusChannelController } from "./bus-channel/controller.ts";
import { openBusSubscriptionController } from "./bus-subscription/controller.ts";
import { openChannelController } from "./channel/controller.ts";
import type { ControllerKit } from "./controller-kit.ts";
import { openDestinations } from "./destination/open-destinations.ts";
import { openInMemoryChannelController } from "./in-memory-channel/controller.ts";
import { openSubscriptionController } from "./subscription/controller.ts";
import { openEventTypeController } from "./event-type/controller.ts";
import { openTriggerController } from "./trigger/controller.ts";

/** What the kit is before its shared parts are opened. */
export type KitBase = Omit<ControllerKit, "destinations">;

/** Starts all reconcilers of this role, and what they share. All of it, the buses too, is closed by the caller. */
export async function openReconcilers(base: KitBase): Promise<readonly ControlPlanePart[]> {
  const destinations = openDestinations(base.common);
  const kit: ControllerKit = { ...base, destinations };
  return [
    openBrokerController(kit),
    openChannelController(kit),
    openInMemoryChannelController(kit),
    openSubscriptionController(kit),
    openTriggerController(kit),
    openEventTypeController(kit),
    openBusController(kit),
    openClusterBusController(kit),
    openBusChannelController(kit),
    openBusSubscriptionController(kit),
    sharedPart(destinations),
    sharedPart(base.buses),
  ];
}

/** What is closed with the controllers and has nothing to reconcile. */
function sharedPart(part: { close(): Promise<void> }): ControlPlanePart {
  return { resync: () => undefined, close: () => part.close() };
}

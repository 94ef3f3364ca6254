export { EventAttribute, EventType, eventTypeConditions, EventTypeSpec, EventTypeStatus } from "./event-type.types.ts";
export { defaultEventType } from "./event-type.defaults.ts";
export { validateEventType } from "./event-type.validation.ts";
export {
  initializeEventType,
  markReferenceDoesNotExist,
  markReferenceExists,
  markReferenceNotSet,
} from "./event-type.lifecycle.ts";

import type { KubeObject } from "@kelvin/api";

/** Tells people what was done to an object, through core/v1 Events as `kubectl describe` shows. Never fails, never waits. */
export interface EventRecorder {
  /** `reason` is one word for programs, `message` a sentence that names the object concerned. */
  normal(object: KubeObject, reason: string, message: string): void;
  warning(object: KubeObject, reason: string, message: string): void;
}

/** Records nothing. */
export const silentRecorder: EventRecorder = {
  normal: () => {
    // Nobody is told.
  },
  warning: () => {
    // Nobody is told.
  },
};

import type { Build, BuildConfig } from "@kelvin/api/build/v1alpha1";
import type { EventRecorder } from "@kelvin/controller";
import type { Clock, KubeClient, Pod } from "@kelvin/kube";
import type { Reader } from "../reader.ts";

/** What the reconcile of Builds needs. */
export interface BuildDeps {
  readonly kube: KubeClient;
  readonly clock: Pick<Clock, "now">;
  readonly recorder: EventRecorder;
  /** Has the index `group`. */
  readonly builds: Reader<Build>;
  /** The Pods of Builds; has the index `build`. */
  readonly pods: Reader<Pod>;
  /** How a Pod that is gone was last seen; undefined when that was too long ago. */
  readonly lastSeen: (podUid: string) => Pod | undefined;
  readonly config: BuildConfig;
  readonly logs: LogDrain;
  /** Six hexadecimal digits, different each time. */
  readonly newSuffix: () => string;
  readonly signal?: AbortSignal;
}

/** Keeps what the containers of a Pod have written. */
export interface LogDrain {
  /** Resolves once all output so far is kept, or cannot be: the Pod may then be deleted. Never rejects; ends within seconds. */
  drain(pod: Pod): Promise<void>;
}

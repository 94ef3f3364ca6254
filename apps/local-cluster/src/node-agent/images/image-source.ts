import type { Pod } from "@kelvin/kube";
import type { PodNetwork } from "../../network/network.ts";

/** What an image reference stands for. */
export interface Image {
  /** What its content is known by, for the container's status: a digest, or the reference where there is none. */
  readonly id: string;
  /** Its own root file system, unpacked, which nobody writes to; undefined for the machine's own. */
  readonly rootfs?: string;
  readonly entrypoint: readonly string[];
  /** Arguments for the entrypoint where a Pod has none of its own. */
  readonly cmd: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  /** As images write it: empty, `uid`, `name`, or either with `:group`. */
  readonly user: string;
  /** The entrypoint is a shell that has the app as its child, so a signal must reach the whole group. */
  readonly needsShell: boolean;
}

export interface ImageRequest {
  readonly reference: string;
  readonly pod: Pod;
  /** `Always`, `IfNotPresent` or `Never`. */
  readonly pullPolicy: string;
  /** The Pod's network and directory: a pull is made as if the Pod made it. */
  readonly network: PodNetwork;
  readonly podDirectory: string;
  /** Told before something is fetched. */
  readonly onPull: () => void;
  /** The Pod does not want it any more. */
  readonly signal: AbortSignal;
}

/** An image that is at hand, and how it came to be. */
export interface FoundImage {
  readonly image: Image;
  /** For the Pod's events, in the kubelet's words; undefined when it was there already. */
  readonly pulled?: string;
}

/** The port between the node agent and where images come from. */
export interface ImageSource {
  /** Whether references of this form are its business. */
  owns(reference: string): boolean;
  /** @throws ImageError when there is nothing to run. */
  find(request: ImageRequest): Promise<FoundImage>;
  /** A Pod is over: what it used may go when room is needed. */
  release(pod: Pod): void;
}

/** A reference that cannot be run here; the message names the cause and the remedy. */
export class ImageError extends Error {
  override readonly name = "ImageError";
  readonly reason: "ErrImagePull" | "InvalidImageName" | "ErrImageNeverPull";
  constructor(reason: ImageError["reason"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** Asks the first source that a reference is the business of; the last one answers for all others. */
export function joinImageSources(first: ImageSource, rest: ImageSource): ImageSource {
  return {
    owns: (reference) => first.owns(reference) || rest.owns(reference),
    find: (request) => (first.owns(request.reference) ? first : rest).find(request),
    release(pod) {
      first.release(pod);
      rest.release(pod);
    },
  };
}

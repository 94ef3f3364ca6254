/** What the process that pulls is told on its standard input. */
export interface PullJob {
  readonly reference: string;
  readonly directory: string;
  /** Docker configurations, as pull Secrets hold them. */
  readonly dockerConfigs: readonly string[];
}

/** An unpacked image, as it is kept beside its files in `image.json`. */
export interface UnpackedImage {
  /** By which its directory is called: the digest of its configuration, without the algorithm. */
  readonly key: string;
  /** For the container's status: repository and digest. */
  readonly id: string;
  /** The document that says how it is run. */
  readonly config: object;
  /** Of its files. */
  readonly bytes: number;
  /** Its blobs in the content store. */
  readonly blobs: readonly { readonly digest: string; readonly size: number }[];
}

/** What it says at its end on its standard output. */
export type PullOutcome =
  | { readonly image: UnpackedImage }
  | { readonly failure: { readonly code: string; readonly message: string } };

/** Where in the images' directory things are. */
export const imagePlaces = {
  /** `<key>/rootfs` and `<key>/image.json`: a directory that is there is whole. */
  roots: "roots",
  /** What references led to, for those who do not insist on asking again. */
  references: "references",
} as const;

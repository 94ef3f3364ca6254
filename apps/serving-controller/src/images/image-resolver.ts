/** User name and password for one registry. */
export interface RegistryCredential {
  /** Host, with port if it has one. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

/** Finds out which content an image's tag stands for now. */
export interface ImageResolver {
  /**
   * The image by digest, `repository@sha256:…`. Tries `credentials` of the image's registry, else asks anonymously.
   * @throws Error with the registry's own words when it refuses, does not answer or has no such image: try again later.
   */
  resolve(image: string, options: ResolveOptions): Promise<string>;
}

export interface ResolveOptions {
  readonly credentials: readonly RegistryCredential[];
  readonly signal: AbortSignal;
}

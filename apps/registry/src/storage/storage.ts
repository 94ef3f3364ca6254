import { join } from "node:path";
import { openContentStore, type ContentStore } from "@kelvin/oci/content";
import type { Clock } from "../clock.ts";
import { openDurableFiles } from "./durable-file.ts";
import { openRepositories, type Repositories } from "./repositories.ts";
import { openUploads, type Uploads } from "./uploads.ts";

/** All that the registry keeps: content once for all, what each repository has of it, and what is coming in. */
export interface Storage {
  readonly content: ContentStore;
  readonly repositories: Repositories;
  readonly uploads: Uploads;
}

/** Where the registry keeps it. */
export interface StorageOptions {
  readonly directory: string;
  readonly blobBytesMax: number;
  readonly clock: Clock;
}

/** Opens the storage; it holds nothing that must be closed. One process may have a directory at a time. */
export function openStorage({ directory, blobBytesMax, clock }: StorageOptions): Storage {
  const content = openContentStore(directory);
  const files = openDurableFiles(() => content.temporaryPath());
  return {
    content,
    repositories: openRepositories(join(directory, "repositories"), { content, files, clock }),
    uploads: openUploads(join(directory, "uploads"), { content, files, blobBytesMax }),
  };
}

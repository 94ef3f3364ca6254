import type { Clock } from "@kelvin/kube";
import type { Config } from "../config.ts";
import type { LogStore } from "./log-store.ts";

/** The store that the environment asks for. Only what it needs is loaded. */
export async function openLogStore({ logBucket, logDirectory }: Config, clock: Clock): Promise<LogStore> {
  if (logBucket === undefined) {
    const { openDirectoryLogStore } = await import("./directory-log-store.ts");
    return openDirectoryLogStore(logDirectory);
  }
  const [{ openS3Client }, { openS3LogStore }] = await Promise.all([
    import("./s3-client.ts"),
    import("./s3-log-store.ts"),
  ]);
  return openS3LogStore(openS3Client(logBucket, clock));
}

import { parseArgs } from "node:util";

/** What the host side (apps/cli) tells the cluster. */
export interface ClusterConfig {
  readonly dataDir: string;
  /** Nothing is kept: objects live in memory only. */
  readonly isEphemeral: boolean;
  readonly apiPort: number;
  readonly imagesDir?: string;
}

/** Parses the words after the script. The cli has checked them; anything odd is a fault of ours and throws. */
export function parseConfig(words: readonly string[]): ClusterConfig {
  const { values } = parseArgs({
    args: [...words],
    options: {
      "data-dir": { type: "string" },
      "api-port": { type: "string" },
      "images-dir": { type: "string" },
      ephemeral: { type: "boolean", default: false },
    },
  });
  const { "data-dir": dataDir, "api-port": apiPort, "images-dir": imagesDir, ephemeral } = values;
  if (dataDir === undefined || apiPort === undefined) throw new Error("--data-dir and --api-port are needed");
  return { dataDir, isEphemeral: ephemeral, apiPort: Number(apiPort), ...(imagesDir !== undefined && { imagesDir }) };
}

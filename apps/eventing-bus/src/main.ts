import { readFileSync } from "node:fs";
import { openStubBus, systemClock } from "@kelvin/bus";
import { createLogger, runService } from "@kelvin/http-service";
import { openApp } from "./app.ts";
import { parseConfig } from "./config.ts";
import { parseStreams } from "./streams-file.ts";

const log = createLogger("eventing-bus", { level: process.env["LOG_LEVEL"] ?? "info" });

await runService(
  async () => {
    const config = parseConfig(process.env);
    const streams = parseStreams(readFileSync(config.streamsFile, "utf8"));
    return await openApp(config, streams, { bus: openStubBus(), clock: systemClock, log });
  },
  { log },
);

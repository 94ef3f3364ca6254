import { createLogger, runService } from "@kelvin/http-service";
import { openApp } from "./app.ts";
import { systemClock } from "./clock.ts";
import { parseConfig } from "./config.ts";

const log = createLogger("registry", { level: process.env["LOG_LEVEL"] ?? "info" });

await runService(async () => await openApp(parseConfig(process.env), { clock: systemClock, log }), { log });

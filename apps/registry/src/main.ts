import { createLogger, runService } from "@kelvin/http-service";
import { openApp } from "./app.ts";
import { systemClock } from "./clock.ts";
import { parseConfig } from "./config.ts";
import { makeNodeImageCommand } from "./node-image/open-node-image-maker.ts";

const log = createLogger("registry", { level: process.env["LOG_LEVEL"] ?? "info" });

if (process.argv[2] === makeNodeImageCommand) {
  const { runNodeImageMaker } = await import("./node-image/run-node-image-maker.ts");
  await runNodeImageMaker(parseConfig(process.env), { clock: systemClock, log });
} else {
  await runService(async () => await openApp(parseConfig(process.env), { clock: systemClock, log }), { log });
}

import { createLogger, runService } from "@kelvin/http-service";
import { openApp } from "./app.ts";
import { parseRole } from "./config.ts";

const role = parseRole(process.env);
const component = role === "control" ? "eventing-controller" : "eventing-bus";
const log = createLogger(component, { level: process.env["LOG_LEVEL"] ?? "info" });

/** A bus that is stopped answers senders for a while, and delivers what it has in memory. Below its Pod's 60 s of grace. */
const stopMsMax = role === "bus" ? 55_000 : 15_000;

await runService(() => openApp(role, process.env, log), { log, stopMsMax });

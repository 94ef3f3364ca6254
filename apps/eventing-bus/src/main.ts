import { createLogger, runService } from "@kelvin/http-service";
import { openApp } from "./app.ts";
import { parseRole } from "./config.ts";

const role = parseRole(process.env);
const component = role === "control" ? "eventing-controller" : "eventing-bus";
const log = createLogger(component, { level: process.env["LOG_LEVEL"] ?? "info" });

await runService(() => openApp(role, process.env, log), { log });

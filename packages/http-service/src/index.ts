export { buildHttpApp, openHttpService } from "./http-service.ts";
export type { HttpAppOptions, HttpService, HttpServiceOptions } from "./http-service.ts";
export { callHttp } from "./http-call.ts";
export type { HttpAnswer, HttpCall } from "./http-call.ts";
export { parsePort } from "./port.ts";
export { createLogger } from "./logger.ts";
export type { LoggerOptions } from "./logger.ts";
export { runService } from "./run-service.ts";
export type { RunningService, RunServiceOptions } from "./run-service.ts";
export { makeControllerCounts } from "./controller-metrics.ts";
export type { ControllerCounts } from "./controller-metrics.ts";
export type { AddMetrics, PromClient } from "./metrics.ts";
export type { ErrorAnswer } from "./error-answers.ts";

// Types that routes and logs are written against, so that apps need not list these libraries.
export type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
export type { Logger } from "pino";

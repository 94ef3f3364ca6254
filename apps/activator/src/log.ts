import type { Logger } from "@kelvin/http-service";

/** The part of the service's logger that its parts use. */
export type Log = Pick<Logger, "debug" | "info" | "warn" | "error">;

import { pino } from "pino";
import type { Logger } from "pino";

/** How to log, beyond under which name. */
export interface LoggerOptions {
  /** `debug`, `info`, `warn`, `error` or `silent`. Default `info`. */
  level?: string;
  /** Where lines go. Default: standard output, written at once. */
  destination?: { write(line: string): void };
}

/** Paths whose values never reach a log, wherever an object with them is logged at the top or one level down. */
const SECRET_PATHS = ["authorization", "cookie", "token", "password", "secret", "apiKey", "privateKey", "keyPem"];

/**
 * A logger that writes one JSON object a line, with `name` in each. Values under names such as `authorization`, `token`
 * and `password` are replaced; a Secret's `data` is too.
 */
export function createLogger(name: string, options: LoggerOptions = {}): Logger {
  const paths = SECRET_PATHS.flatMap((path) => [path, `*.${path}`, `*.headers.${path}`]);
  const settings = {
    name,
    level: options.level ?? "info",
    base: { name },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: [...paths, "*.data", "*.stringData", 'headers["set-cookie"]'], censor: "[redacted]" },
  };
  return options.destination === undefined ? pino(settings) : pino(settings, options.destination);
}

import type { Log } from "@kelvin/controller";

const levels = { debug: 20, info: 30, warn: 40, error: 50 } as const;

/** Writes facts as JSON lines, in the form that pino gives the services' logs. */
export function makeLog(write: (line: string) => void, now: () => Date): Log {
  const at =
    (level: keyof typeof levels) =>
    (fields: object, message: string): void => {
      const line = { level: levels[level], time: now().getTime(), ...fields, msg: message };
      write(`${JSON.stringify(line, readable)}\n`);
    };
  return { debug: () => undefined, info: at("info"), warn: at("warn"), error: at("error") };
}

/** An Error has nothing that JSON would show. */
function readable(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const { message, stack, cause } = value;
  return { message, stack, ...(cause !== undefined && { cause }) };
}

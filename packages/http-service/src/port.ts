/**
 * A port from the environment; `fallback` when the variable is absent or empty. 0 lets the system choose one.
 * @throws Error naming the variable and what is allowed.
 */
export function parsePort(env: NodeJS.ProcessEnv, name: string, fallback: number): number {
  const raw = env[name];
  if (raw === undefined || raw === "") return fallback;
  const port = Number(raw);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new Error(`${name} must be a port from 0 to 65535, was "${raw}"`);
}

/** What a process of this image does: `control` reconciles and admits, `bus` accepts and delivers. */
export type Role = "control" | "bus";

/** Which role this process has. The rest is parsed by the role itself. @throws Error naming the variable. */
export function parseRole({ ROLE: role = "bus" }: NodeJS.ProcessEnv): Role {
  if (role === "control" || role === "bus") return role;
  throw new Error(`ROLE must be control or bus, was "${role}"`);
}

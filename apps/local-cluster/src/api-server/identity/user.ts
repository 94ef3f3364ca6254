/** Who makes a request. */
export interface User {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The built-in controllers and the node agent, which call in-process. */
export const controlPlaneUser: User = {
  name: "system:kelvin:control-plane",
  groups: ["system:masters", "system:authenticated"],
};

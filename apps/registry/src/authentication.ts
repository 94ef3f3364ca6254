import { RegistryError } from "./api/registry-error.ts";
import type { Htpasswd } from "./htpasswd.ts";

const { createHmac, randomBytes } = process.getBuiltinModule("node:crypto");

/** Lets a request pass by its Authorization header. @throws RegistryError `UNAUTHORIZED`, or `TOOMANYREQUESTS`. */
export type Authenticate = (authorization: string | undefined) => Promise<void>;

const rememberedMax = 1000;
const waitingMax = 32;

/**
 * Checks Basic credentials. bcrypt is slow on purpose, and a push asks many times: what was right is remembered, as a keyed
 * hash that is worth nothing outside this process; checks are made one at a time, and not many wait.
 */
export function openAuthentication(users: Htpasswd): Authenticate {
  const key = randomBytes(32);
  const remembered = new Set<string>();
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const check = async (user: string, password: string): Promise<boolean> => {
    if (waiting >= waitingMax) throw new RegistryError("TOOMANYREQUESTS", "too many passwords to check: try later");
    waiting++;
    const checking = last.then(() => users.check(user, password));
    last = checking.catch(() => false);
    try {
      return await checking;
    } finally {
      waiting--;
    }
  };
  return async (authorization) => {
    const [, encoded = ""] = /^basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? "") ?? [];
    const [user = "", ...rest] = Buffer.from(encoded, "base64").toString().split(":");
    const mark = createHmac("sha256", key).update(encoded).digest("base64");
    if (encoded !== "" && remembered.has(mark)) return;
    if (user === "" || !(await check(user, rest.join(":")))) {
      throw new RegistryError("UNAUTHORIZED", encoded === "" ? "who are you?" : "user or password is wrong", {
        headers: { "www-authenticate": 'Basic realm="kelvin registry"' },
      });
    }
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.add(mark);
  };
}

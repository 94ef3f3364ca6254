/** Checks passwords against the lines of an htpasswd file. */
export interface Htpasswd {
  check(user: string, password: string): Promise<boolean>;
}

/** Parses an htpasswd file. @throws Error naming the line that is no `user:bcrypt hash`. */
export function parseHtpasswd(text: string): Htpasswd {
  const hashes = new Map<string, string>();
  text.split("\n").forEach((line, index) => {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) return;
    const [, user, hash] = /^([^:]+):(\$2[aby]\$\d\d\$[./A-Za-z0-9]{53})$/.exec(trimmed) ?? [];
    if (user === undefined || hash === undefined) {
      throw new Error(`htpasswd line ${index + 1}: expected user:bcrypt hash, as \`htpasswd -B\` writes it`);
    }
    hashes.set(user, hash);
  });
  return {
    async check(user, password) {
      // Loaded only where it is needed. An unknown user costs as little as an empty password would: names are no secret here.
      const hash = hashes.get(user);
      if (hash === undefined) return false;
      const { compare } = await import("bcryptjs");
      return await compare(password, hash);
    },
  };
}

import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A bare repository on disk with a work tree beside it, for tests to commit into. */
export interface TestRepository {
  /** The bare repository, `<root>/<name>.git`: what servers serve. */
  readonly dir: string;
  /** Runs git in the work tree and returns what it printed. */
  git(...args: string[]): string;
  /** Commits these files (null removes one) and pushes the branch. Returns the full commit. */
  commit(files: Readonly<Record<string, string | null>>, message?: string): string;
}

/**
 * Makes an empty repository `<root>/<name>.git` with the branch `master`. Author and time are fixed, so the same commits
 * have the same names in every run. Needs git on PATH.
 */
export function makeTestRepository(root: string, name: string): TestRepository {
  const [dir, work] = [join(root, `${name}.git`), join(root, `${name}.work`)];
  mkdirSync(root, { recursive: true });
  const run = (cwd: string, args: readonly string[]): string =>
    execFileSync("git", args, {
      cwd,
      encoding: "utf8",
      env: gitEnvironment(),
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  run(root, ["init", "--quiet", "--bare", "--initial-branch=master", dir]);
  run(root, ["init", "--quiet", "--initial-branch=master", work]);
  run(work, ["remote", "add", "origin", dir]);
  return {
    dir,
    git: (...args) => run(work, args),
    commit: (files, message = "Change files") => {
      for (const [path, content] of Object.entries(files)) {
        const file = join(work, path);
        mkdirSync(dirname(file), { recursive: true });
        if (content === null) rmSync(file);
        else writeFileSync(file, content);
      }
      run(work, ["add", "--all"]);
      run(work, ["commit", "--quiet", "--allow-empty", "--message", message]);
      run(work, ["push", "--quiet", "origin", "HEAD"]);
      return run(work, ["rev-parse", "HEAD"]);
    },
  };
}

/** An environment in which git reads no configuration of the machine's and makes the same commits every time. */
export function gitEnvironment(): Record<string, string> {
  return {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: "/nonexistent",
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "file",
    GIT_AUTHOR_NAME: "Test",
    GIT_AUTHOR_EMAIL: "test@example.com",
    GIT_AUTHOR_DATE: "2020-01-01T00:00:00Z",
    GIT_COMMITTER_NAME: "Test",
    GIT_COMMITTER_EMAIL: "test@example.com",
    GIT_COMMITTER_DATE: "2020-01-01T00:00:00Z",
  };
}

import { mkdir, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { makeTestRepository } from "@kelvin/testkit/git-repository";
import type { TestRepository } from "@kelvin/testkit/git-repository";
import { openGitServer } from "@kelvin/testkit/git-server";
import type { GitServer } from "@kelvin/testkit/git-server";
import { useStepBench } from "./run-command.ts";

const bench = useStepBench();
const root = mkdtempSync(join(tmpdir(), "kelvin-git-root-"));
let app: TestRepository;
let server: GitServer;
let old: GitServer;
let locked: GitServer;
const commits: string[] = [];

beforeAll(async () => {
  app = makeTestRepository(root, "app");
  commits.push(app.commit({ "file.txt": "one", "deep/er/x.txt": "x" }));
  app.git("tag", "--annotate", "v1", "--message", "One");
  commits.push(app.commit({ "file.txt": "two" }));
  commits.push(app.commit({ "file.txt": "three" }));
  app.git("tag", "light", commits[1]!);
  app.git("push", "--quiet", "origin", "v1", "light", `${commits[0]}:refs/pull/7/head`, "HEAD:refs/heads/feature/x");
  server = await openGitServer({ root });
  old = await openGitServer({ root, speaksProtocol2: false });
  locked = await openGitServer({ root, logins: { ann: "s3cret/word" } });
});
afterAll(async () => {
  for (const one of [server, old, locked]) await one.close();
  await rm(root, { recursive: true });
});

async function fetch(revision: string, ...flags: string[]) {
  const places = ["--workspace", bench.path("workspace"), "--credentials-dir", bench.path("git")];
  const url = flags.some((flag) => flag.startsWith("--url")) ? [] : ["--url", `${server.url}/app.git`];
  return await bench.run(["fetch-git", ...places, ...url, `--revision=${revision}`, ...flags]);
}
const content = async (...path: string[]): Promise<string> => await readFile(bench.path("workspace", ...path), "utf8");

describe("revisions", () => {
  test.each([
    { name: "a branch", revision: () => "master", index: 2, text: "three" },
    { name: "a branch with a slash", revision: () => "feature/x", index: 2, text: "three" },
    { name: "an annotated tag", revision: () => "v1", index: 0, text: "one" },
    { name: "a light tag", revision: () => "light", index: 1, text: "two" },
    { name: "a ref by its short name", revision: () => "pull/7/head", index: 0, text: "one" },
    { name: "a ref by its full name", revision: () => "refs/pull/7/head", index: 0, text: "one" },
    { name: "HEAD", revision: () => "HEAD", index: 2, text: "three" },
    { name: "a full commit at a tip", revision: () => commits[2]!, index: 2, text: "three" },
    { name: "a full commit in between", revision: () => commits[1]!, index: 1, text: "two" },
    { name: "a short commit", revision: () => commits[1]!.slice(0, 8), index: 1, text: "two" },
  ])("$name", async ({ revision, index, text }) => {
    for (const from of [server, old]) {
      const { outcome, lines } = await fetch(revision(), `--url=${from.url}/app.git`);
      expect(outcome).toEqual({
        results: [
          { name: "commit", value: commits[index] },
          { name: "size", value: String(text.length + 1) },
        ],
      });
      expect(await content("file.txt")).toBe(text);
      expect(lines.at(-1)).toBe(`Commit ${commits[index]}: 2 files, ${text.length + 1} B`);
    }
    expect(await readdir(bench.path("workspace"))).toEqual([".git", "deep", "file.txt"]);
  });

  test("only as much history as asked for is fetched", async () => {
    await fetch("master");
    expect(await content(".git", "shallow")).toBe(`${commits[2]}\n`);
    expect(await content(".git", "HEAD")).toBe("ref: refs/heads/master\n");
    await fetch("master", "--depth=2", "--target=two");
    expect(await content("two", ".git", "shallow")).toBe(`${commits[1]}\n`);
    await fetch("master", "--depth=0", "--target=all");
    await expect(content("all", ".git", "shallow")).rejects.toThrow("ENOENT");
  });

  test.each(["no-such-branch", "0123456789012345678901234567890123456789", "abcdef0", "refs/pull/8/head"])(
    "%s, which is not there, says so",
    async (revision) => {
      const { exitCode, outcome } = await fetch(revision);
      expect([exitCode, outcome.failure?.reason]).toEqual([1, "RevisionNotFound"]);
      expect(outcome.failure?.message).toContain(revision);
      expect(await readdir(bench.path("workspace"))).toEqual([]);
    },
  );
});

test("options hidden in revisions and URLs run nothing", async () => {
  const marker = bench.path("marker");
  const evil = [
    `--upload-pack=touch ${marker};`,
    "-x",
    "+master",
    "a:b",
    "a..b",
    "a b",
    "a\nb",
    "@{1}",
    "HEAD~1",
    "x.lock",
  ];
  for (const revision of evil) expect((await fetch(revision)).outcome.failure?.reason).toBe("SourceRefused");
  const urls = [
    `ext::sh -c touch% ${marker}`,
    `ext::sh%20-c%20touch${marker}`,
    `--upload-pack=touch${marker}`,
    `file://${root}/app.git`,
    `${root}/app.git`,
    "git://127.0.0.1/app.git",
    "ssh://-oProxyCommand=touch/x",
    "ssh://-lx@host/x",
    "-oProxyCommand=x:y",
    "http://127.0.0.1/%0ahost=evil",
    "ftp://127.0.0.1/x",
  ];
  for (const url of urls) {
    expect((await fetch("master", `--url=${url}`)).outcome.failure?.reason).toBe("SourceRefused");
  }
  await expect(readFile(marker)).rejects.toThrow("ENOENT");
});

test("a protocol that is asked for by name is allowed", async () => {
  expect((await fetch("master", `--url=file://${root}/app.git`, "--allow-protocol=file")).exitCode).toBe(0);
  expect((await fetch("master", "--allow-protocol=ext")).exitCode).toBe(2);
});

describe("credentials", () => {
  const login = async (target: string, password = "s3cret/word"): Promise<void> => {
    await mkdir(bench.path("secrets", "git"), { recursive: true });
    await writeFile(bench.path("secrets", "git", "username"), "ann");
    await writeFile(bench.path("secrets", "git", "password"), password);
    const places = [`--docker-dir=${bench.path("docker")}`, `--git-dir=${bench.path("git")}`];
    await bench.run(["credentials", `--secrets-dir=${bench.path("secrets")}`, ...places, `-basic-git=git=${target}`]);
  };

  test("of the server's own host open it", async () => {
    await login(locked.url);
    const { outcome } = await fetch("master", `--url=${locked.url}/app.git`);
    expect(outcome.failure).toBeUndefined();
    expect(await content("file.txt")).toBe("three");
  });

  test("in the URL open it, and stand nowhere afterwards", async () => {
    const url = locked.url.replace("//", "//ann:s3cret%2Fword@");
    const { exitCode, lines } = await fetch("master", `--url=${url}/app.git`);
    expect(exitCode).toBe(0);
    expect(`${lines.join()} ${await content(".git", "config")}`).not.toContain("cret");
  });

  test.each([
    ["none", async () => undefined],
    ["those of another host", async () => await login("http://git.test")],
    ["a wrong password", async () => await login(locked.url, "wrong-word")],
  ])("%s: refused, with what to change", async (_, prepare) => {
    await prepare();
    const { outcome } = await fetch("master", `--url=${locked.url}/app.git`);
    expect(outcome.failure?.reason).toBe("CredentialsRefused");
    expect(outcome.failure?.message).toContain("build.knative.dev/git-*");
  });

  test("do not follow a redirect to another host", async () => {
    const seen: (string | undefined)[] = [];
    const thief = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    });
    const door = createServer((request, response) => {
      const target = `http://127.0.0.1:${(thief.address() as AddressInfo).port}${request.url}`;
      if (request.headers.authorization === undefined) {
        response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
      } else response.writeHead(302, { location: target }).end();
    });
    for (const one of [thief, door]) await new Promise<void>((done) => one.listen(0, "127.0.0.1", done));
    const url = `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
    await login(url);
    const { outcome } = await fetch("master", `--url=${url}/app.git`);
    for (const one of [thief, door]) one.close();
    expect(outcome.failure?.reason).toBe("CredentialsRefused");
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.every((header) => header === undefined)).toBe(true);
  });
});

describe("submodules", () => {
  let library: TestRepository;
  let inner: TestRepository;
  let outer: TestRepository;
  let foreign: GitServer;

  beforeAll(async () => {
    foreign = await openGitServer({ root });
    inner = makeTestRepository(root, "inner");
    const innerCommit = inner.commit({ "inner.txt": "inner" });
    library = makeTestRepository(root, "library");
    addSubmodule(library, "nested", { url: "../inner.git", commit: innerCommit });
    const libraryCommit = library.commit({ "library.txt": "library" });
    outer = makeTestRepository(root, "outer");
    addSubmodule(outer, "lib/one", { url: "../library.git", commit: libraryCommit });
    addSubmodule(outer, "lib/two", { url: `${foreign.url}/inner.git`, commit: innerCommit });
    outer.commit({ "outer.txt": "outer" });
  });
  afterAll(async () => await foreign.close());

  function addSubmodule(to: TestRepository, path: string, { url, commit }: { url: string; commit: string }): void {
    to.git("config", "--file", ".gitmodules", `submodule.${path}.path`, path);
    to.git("config", "--file", ".gitmodules", `submodule.${path}.url`, url);
    to.git("update-index", "--add", "--cacheinfo", `160000,${commit},${path}`);
    to.git("add", ".gitmodules");
    to.git("commit", "--quiet", "--message", "Add a submodule");
    // "add --all" would take a gitlink without its repository for deleted.
    to.git("update-index", "--skip-worktree", path);
  }

  test("are truly fetched, theirs too, and git knows them", async () => {
    const { outcome } = await fetch("master", `--url=${server.url}/outer.git`, "--submodules");
    expect(outcome.failure).toBeUndefined();
    expect(await content("lib", "one", "library.txt")).toBe("library");
    expect(await content("lib", "one", "nested", "inner.txt")).toBe("inner");
    expect(await content("lib", "two", "inner.txt")).toBe("inner");
  });

  test("are left alone unless asked for", async () => {
    await fetch("master", `--url=${server.url}/outer.git`);
    expect(await readdir(bench.path("workspace", "lib", "one"))).toEqual([]);
  });

  test("get the credentials of their own host only", async () => {
    await mkdir(bench.path("git"), { recursive: true });
    const before = foreign.requests.length;
    const url = locked.url.replace("//", "//ann:s3cret%2Fword@");
    const { outcome } = await fetch("master", `--url=${url}/outer.git`, "--submodules");
    expect(outcome.failure).toBeUndefined();
    const asked = foreign.requests.slice(before);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  test.each(["file:///etc", "ext::sh -c id", "--upload-pack=x", "../../../../x"])(
    "with the URL %s are refused",
    async (url) => {
      const evil = makeTestRepository(root, `evil-${encodeURIComponent(url).replaceAll("%", "")}`);
      const commit = evil.commit({ "x.txt": "x" });
      addSubmodule(evil, "sub", { url, commit });
      evil.git("push", "--quiet", "origin", "HEAD");
      const name = evil.dir.split("/").at(-1);
      const { outcome } = await fetch("master", `--url=${server.url}/${name}`, "--submodules");
      expect(outcome.failure?.reason).toBe("SourceRefused");
    },
  );
});

describe("the workspace", () => {
  test("takes several sources, each at its place", async () => {
    await fetch("master");
    await fetch("v1", "--target=deep/lib");
    await fetch("light", `--target=${bench.path("workspace", "other")}`);
    expect([
      await content("file.txt"),
      await content("deep", "lib", "file.txt"),
      await content("other", "file.txt"),
    ]).toEqual(["three", "one", "two"]);
    expect(await content("deep", "er", "x.txt")).toBe("x");
  });

  test("is never left: not by a path, not through a link of an earlier source", async () => {
    await mkdir(bench.path("outside"));
    await symlink("../outside", bench.path("workspace", "lib"));
    for (const target of ["../outside", "/etc/x", "a/../../outside", `${bench.path("workspace")}/../outside`]) {
      expect((await fetch("master", `--target=${target}`)).exitCode).toBe(2);
    }
    for (const target of ["lib", "lib/deeper"]) {
      const { outcome } = await fetch("master", `--target=${target}`);
      expect(outcome.failure?.reason).toBe("PathUnsafe");
      expect(outcome.failure?.message).toContain('"lib" in');
    }
    expect(await readdir(bench.path("outside"))).toEqual([]);
    expect(await readdir(bench.path("workspace"))).toEqual(["lib"]);
  });

  test("a link of an earlier source in a file's place is replaced, not followed", async () => {
    await writeFile(bench.path("outside.txt"), "kept");
    await symlink("../outside.txt", bench.path("workspace", "file.txt"));
    expect((await fetch("master")).exitCode).toBe(0);
    expect(await content("file.txt")).toBe("three");
    expect(await readFile(bench.path("outside.txt"), "utf8")).toBe("kept");
  });

  test("keeps nothing of a run that was killed, and a second run is right", async () => {
    await mkdir(bench.path("workspace", ".kelvin-fetch-0123"));
    for (const _ of [1, 2]) expect((await fetch("master", "--target=x")).exitCode).toBe(0);
    expect(await readdir(bench.path("workspace"))).toEqual(["x"]);
  });

  test("a sub-path must be there, as a real directory", async () => {
    expect((await fetch("master", "--sub-path=deep/er")).exitCode).toBe(0);
    expect((await fetch("master", "--sub-path=deep/none")).outcome.failure).toMatchObject({
      reason: "PathNotFound",
      message: expect.stringContaining('no directory "deep/none"'),
    });
    await symlink("/etc", bench.path("workspace", "escape"));
    expect((await fetch("master", "--sub-path=escape")).outcome.failure?.reason).toBe("PathUnsafe");
  });
});

describe("limits", () => {
  test.each([
    ["--max-bytes=5", "more than 5 B"],
    ["--max-files=1", "more than 1 files"],
  ])("%s ends the source before it is checked out", async (flag, message) => {
    const { outcome } = await fetch("master", flag);
    expect(outcome.failure).toMatchObject({ reason: "SourceTooLarge", message: expect.stringContaining(message) });
    expect(await readdir(bench.path("workspace"))).toEqual([]);
  });
});

describe("a server that is not there", () => {
  test("refuses: told at once", async () => {
    const { outcome } = await fetch("master", "--url=http://127.0.0.1:1/app.git");
    expect(outcome.failure?.reason).toBe("SourceUnreachable");
    expect(outcome.failure?.message).toContain("127.0.0.1:1 cannot be reached");
  });

  test("has no name: told at once", async () => {
    expect((await fetch("master", "--url=https://no-such-host.invalid/x")).outcome.failure?.reason).toBe(
      "SourceUnreachable",
    );
  });

  test("takes the connection and says nothing: told after the stall", async () => {
    const mute = createTcpServer(() => undefined);
    await new Promise<void>((done) => mute.listen(0, "127.0.0.1", done));
    const { port } = mute.address() as AddressInfo;
    const { outcome } = await fetch("master", `--url=http://127.0.0.1:${port}/x.git`, "--stall-seconds=1");
    mute.close();
    expect(outcome.failure?.reason).toBe("SourceUnreachable");
  });

  test("has no such repository", async () => {
    const { outcome } = await fetch("master", `--url=${server.url}/none.git`);
    expect(outcome.failure?.reason).toBe("SourceNotFound");
  });
});

import { mkdtempSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { makeTestRepository } from "@kelvin/testkit/git-repository";
import { findSshProblem, openSshGitServer } from "@kelvin/testkit/ssh-git-server";
import type { SshGitServer } from "@kelvin/testkit/ssh-git-server";
import { useStepBench } from "./run-command.ts";

const problem = findSshProblem();
const describeOverSsh = problem === undefined ? describe : describe.skip;

describeOverSsh(`git over ssh${problem === undefined ? "" : ` (skipped: ${problem})`}`, () => {
  const bench = useStepBench();
  const root = mkdtempSync(join(tmpdir(), "kelvin-ssh-root-"));
  let server: SshGitServer;

  beforeAll(async () => {
    makeTestRepository(root, "app").commit({ "file.txt": "one" });
    server = await openSshGitServer(join(root, "ssh"));
  });
  afterAll(async () => {
    await server.close();
    await rm(root, { recursive: true });
  });

  async function fetchWith(keys: Record<string, string> | undefined, url = `${server.url}${root}/app.git`) {
    const ssh = keys === undefined ? [] : [`-ssh-git=ssh=127.0.0.1:${server.port}`];
    await mkdir(bench.path("secrets", "ssh"), { recursive: true });
    for (const [key, text] of Object.entries(keys ?? {})) await writeFile(bench.path("secrets", "ssh", key), text);
    const places = [`--docker-dir=${bench.path("docker")}`, `--git-dir=${bench.path("git")}`];
    await bench.run(["credentials", `--secrets-dir=${bench.path("secrets")}`, ...places, ...ssh]);
    const flags = ["--workspace", bench.path("workspace"), "--credentials-dir", bench.path("git")];
    return await bench.run(["fetch-git", ...flags, "--url", url, "--revision=master"]);
  }
  const content = async (): Promise<string> => await readFile(bench.path("workspace", "file.txt"), "utf8");

  test("with the key of the host, which is pinned", async () => {
    const { outcome } = await fetchWith({ "ssh-privatekey": server.privateKey, known_hosts: server.knownHosts });
    expect(outcome.failure).toBeUndefined();
    expect(await content()).toBe("one");
  });

  test("with a host key that is believed on first use", async () => {
    expect((await fetchWith({ "ssh-privatekey": server.privateKey.trimEnd() })).outcome.failure).toBeUndefined();
  });

  test("as user@host:path", async () => {
    const user = /\/\/(.*)@/.exec(server.url)?.[1];
    const run = await fetchWith({ "ssh-privatekey": server.privateKey }, `${user}@127.0.0.1:${root}/app.git`);
    // The port is not the URL's but that of the Secret's annotation, through ssh's own configuration.
    expect(run.outcome.failure).toBeUndefined();
  });

  test("without a key, or with another, is refused", async () => {
    expect((await fetchWith(undefined)).outcome.failure?.reason).toBe("CredentialsRefused");
    const other = await readFile(join(root, "ssh", "host_key"), "utf8");
    expect((await fetchWith({ "ssh-privatekey": other })).outcome.failure?.reason).toBe("CredentialsRefused");
  });

  test("with another host's key pinned gives nothing away", async () => {
    const [place] = server.knownHosts.split(" ");
    const userKey = await readFile(join(root, "ssh", "user_key.pub"), "utf8");
    const { outcome } = await fetchWith({ "ssh-privatekey": server.privateKey, known_hosts: `${place} ${userKey}` });
    expect(outcome.failure?.reason).toBe("HostKeyRefused");
  });

  test("a repository that is not there", async () => {
    const keys = { "ssh-privatekey": server.privateKey };
    expect((await fetchWith(keys, `${server.url}${root}/none.git`)).outcome.failure?.reason).toBe("SourceNotFound");
  });
});

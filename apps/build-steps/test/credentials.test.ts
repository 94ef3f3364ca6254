import { execFileSync, spawnSync } from "node:child_process";
import { chmod, chown, mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { describe, expect, test } from "@jest/globals";
import { useStepBench } from "./run-command.ts";

const bench = useStepBench();

async function secret(name: string, keys: Record<string, string>): Promise<void> {
  await mkdir(bench.path("secrets", name), { recursive: true });
  for (const [key, text] of Object.entries(keys)) await writeFile(bench.path("secrets", name, key), text);
}

async function run(...flags: string[]) {
  const places = [
    `--secrets-dir=${bench.path("secrets")}`,
    `--docker-dir=${bench.path("docker")}`,
    `--git-dir=${bench.path("git")}`,
  ];
  return await bench.run(["credentials", ...places, ...flags]);
}

const read = async (...path: string[]): Promise<string> => await readFile(bench.path(...path), "utf8");
const mode = async (...path: string[]): Promise<string> => ((await stat(bench.path(...path))).mode & 0o777).toString(8);

test("without Secrets the files are there and say nothing", async () => {
  expect((await run()).exitCode).toBe(0);
  expect(await read("docker", "config.json")).toBe('{"auths":{}}');
  expect(await read("git", ".gitconfig")).toBe(
    `[credential]\n\thelper = store --file=${bench.path("git")}/.git-credentials\n`,
  );
  expect(await read("git", ".git-credentials")).toBe("");
  expect(await readdir(bench.path("git"))).toEqual([".git-credentials", ".gitconfig"]);
});

describe("docker", () => {
  test("merges dockercfg, then dockerconfigjson, then basic-auth, with keys sorted", async () => {
    await secret("cfg", { ".dockercfg": '{"a.test":{"auth":"old"},"b.test":{"auth":"old"},"c.test":{"auth":"cfg"}}' });
    await secret("json", {
      ".dockerconfigjson": '{"auths":{"b.test":{"auth":"json"},"a.test":{"auth":"json"}},"credsStore":"desktop"}',
    });
    await secret("basic", { username: "ann", password: "s3cret-word\n" });
    const { exitCode, lines } = await run("-basic-docker=basic=a.test", "-docker-config=json", "-docker-cfg=cfg");
    expect(exitCode).toBe(0);
    const auth = Buffer.from("ann:s3cret-word").toString("base64");
    expect(await read("docker", "config.json")).toBe(
      `{"auths":{"a.test":{"auth":"${auth}","email":"not@val.id","password":"s3cret-word","username":"ann"},` +
        `"b.test":{"auth":"json"},"c.test":{"auth":"cfg"}}}`,
    );
    expect(lines.join("\n")).toContain("Credentials for the registry a.test");
    expect(lines.join("\n")).not.toContain("s3cret-word");
  });

  test("Docker Hub is written with its whole URL or not at all", async () => {
    await secret("hub", { username: "ann", password: "secret" });
    expect((await run("-basic-docker=hub=https://index.docker.io/v1/")).exitCode).toBe(0);
    expect(JSON.parse(await read("docker", "config.json"))).toHaveProperty(["auths", "https://index.docker.io/v1/"]);
    expect((await run("-basic-docker=hub=index.docker.io")).outcome.failure?.message).toContain(
      'should be "https://index.docker.io/v1/"',
    );
  });

  test("what is no JSON is named, never quoted", async () => {
    await secret("json", { ".dockerconfigjson": "hunter2hunter2" });
    const { exitCode, outcome, lines } = await run("-docker-config=json");
    expect([exitCode, outcome.failure?.reason]).toEqual([1, "CredentialsInvalid"]);
    expect(outcome.failure?.message).toContain('".dockerconfigjson" of Secret "json" is not JSON');
    expect(lines.join()).not.toContain("hunter2");
  });
});

describe("git over http", () => {
  test("the login is percent-encoded, and git offers it to its own host and port only", async () => {
    await secret("one", { username: "us:er", password: "p@ss/wörd'(x)" });
    await secret("two", { username: "ann", password: "other=" });
    expect(
      (await run("-basic-git=one=https://git.test", "-basic-git=two=http://git.test:8080/team?a=b")).exitCode,
    ).toBe(0);
    expect(await read("git", ".git-credentials")).toBe(
      "https://us%3Aer:p%40ss%2Fw%C3%B6rd%27%28x%29@git.test\nhttp://ann:other%3D@git.test:8080/team\n",
    );
    expect(fill("protocol=https\nhost=git.test\n")).toContain("password=p@ss/wörd'(x)");
    expect(fill("protocol=https\nhost=git.test\n")).toContain("username=us:er");
    expect(fill("protocol=http\nhost=git.test:8080\npath=team/x\n")).toContain("password=other=");
    for (const other of ["https\nhost=git.test:444", "http\nhost=git.test", "https\nhost=evil.test"]) {
      expect(fill(`protocol=${other}\n`)).not.toContain("password");
    }
  });

  function fill(question: string): string {
    try {
      return execFileSync("git", ["credential", "fill"], {
        input: question,
        encoding: "utf8",
        stdio: ["pipe", "pipe", "ignore"],
        env: {
          PATH: process.env["PATH"],
          GIT_CONFIG_NOSYSTEM: "1",
          GIT_CONFIG_GLOBAL: bench.path("git", ".gitconfig"),
          GIT_TERMINAL_PROMPT: "0",
        },
      });
    } catch {
      return "refused";
    }
  }

  test.each(["ssh://git.test", "https://git.test\n[core]", "file:///x"])("%j is no place for a login", async (url) => {
    await secret("one", { username: "ann", password: "secret" });
    expect((await run(`-basic-git=one=${url}`)).outcome.failure?.message).toContain("write an http(s) URL");
  });
});

describe("git over ssh", () => {
  const key = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----";

  test("each host has its own key, pinned or believed on first use", async () => {
    await secret("pinned", { "ssh-privatekey": key, known_hosts: "git.test ssh-ed25519 AAAA\n" });
    await secret("loose", { "ssh-privatekey": `${key}\r\n` });
    const { exitCode, lines } = await run("-ssh-git=pinned=git.test:2222", "-ssh-git=loose=other.test");
    expect(exitCode).toBe(0);
    expect(await read("git", ".ssh", "config")).toBe(`Host git.test
    HostName git.test
    IdentityFile ${bench.path("git")}/.ssh/id_pinned
    Port 2222
    StrictHostKeyChecking yes
Host other.test
    HostName other.test
    IdentityFile ${bench.path("git")}/.ssh/id_loose
    Port 22
    StrictHostKeyChecking accept-new
Host *
    IdentitiesOnly yes
    BatchMode yes
    ForwardAgent no
    StrictHostKeyChecking yes
    UserKnownHostsFile ~/.ssh/known_hosts ${bench.path("git")}/.ssh/known_hosts
`);
    expect(await read("git", ".ssh", "known_hosts")).toBe("git.test ssh-ed25519 AAAA");
    expect(await read("git", ".ssh", "id_loose")).toBe(`${key}\n`);
    expect(await read("git", ".gitconfig")).toContain(`sshCommand = ssh -F ${bench.path("git")}/.ssh/config`);
    expect(lines).toContain('  its host key is believed on first use: add known_hosts to Secret "loose" to pin it');
    const effective = execFileSync("ssh", ["-G", "-F", bench.path("git", ".ssh", "config"), "git.test"], {
      encoding: "utf8",
    });
    expect(effective).toContain(`identityfile ${bench.path("git")}/.ssh/id_pinned\n`);
    expect(effective).toContain("port 2222\n");
    expect(effective).toContain("stricthostkeychecking true\n");
    expect(effective).toContain("identitiesonly yes\n");
  });

  test.each(["*", "git.test:0", "git.test:99999", "-oProxyCommand=x", "a b", "git.test\n  ProxyCommand x"])(
    "%j is no host",
    async (host) => {
      await secret("one", { "ssh-privatekey": key });
      expect((await run(`-ssh-git=one=${host}`)).outcome.failure?.message).toContain("takes host or host:port");
    },
  );
});

test("files are for the Pod's group, keys for nobody's user, and a second run is as good as the first", async () => {
  await secret("ssh", { "ssh-privatekey": "key" });
  for (const _ of [1, 2]) expect((await run("-ssh-git=ssh=git.test")).exitCode).toBe(0);
  expect(await mode("docker", "config.json")).toBe("640");
  expect(await mode("git", ".git-credentials")).toBe("640");
  expect(await mode("git", ".ssh")).toBe("750");
  const key = await stat(bench.path("git", ".ssh", "id_ssh"));
  // ssh takes no key of its own user that a group may read; only root can give it to another user.
  const isGiven = key.uid !== process.getuid?.();
  expect((key.mode & 0o777).toString(8)).toBe(isGiven ? "440" : "600");
  if (process.getuid?.() === 0) expect(isGiven).toBe(true);
  expect(await readdir(bench.path("git", ".ssh"))).toEqual(["config", "id_ssh", "known_hosts"]);
});

test.each([
  [["-basic-docker=one"], 2, "must be <secret>=<url>"],
  [["-basic-docker=../x=a.test"], 2, "must be <secret>=<url>"],
  [["-docker-config=../../etc"], 2, "is not the name of a Secret"],
  [["-basic-git=one=https://a.test", "-basic-git=two=https://a.test"], 1, "Multiple entries for url: https://a.test"],
  [["-basic-docker=one=a.test"], 1, 'Secret "one" has no key "username"'],
])("%j fails with what to change", async (flags, exitCode, message) => {
  const failed = await run(...flags);
  expect(failed.exitCode).toBe(exitCode);
  expect(failed.outcome.failure?.message).toContain(message);
});

const whyNotAsAnother = process.getuid?.() === 0 ? undefined : "only root can become another user";
(whyNotAsAnother === undefined ? test : test.skip)(
  `a step of another user reads them through its group, and nobody else does${whyNotAsAnother === undefined ? "" : ` (skipped: ${whyNotAsAnother})`}`,
  async () => {
    const group = 2000;
    await chmod(bench.path(), 0o755);
    for (const dir of ["docker", "git"]) {
      await mkdir(bench.path(dir));
      // As the kubelet makes a volume with an fsGroup.
      await chown(bench.path(dir), 0, group);
      await chmod(bench.path(dir), 0o2770);
    }
    await secret("ssh", { "ssh-privatekey": "key" });
    await run("-ssh-git=ssh=git.test");
    const readAs = (groups: string, file: string): string | null => {
      const who = ["--reuid=1000", "--regid=1000", `--groups=${groups}`];
      const { status, stdout } = spawnSync("setpriv", [...who, "cat", file], { encoding: "utf8" });
      return status === 0 ? stdout : null;
    };
    for (const file of ["docker/config.json", "git/.gitconfig", "git/.ssh/config", "git/.ssh/id_ssh"]) {
      expect([file, readAs(String(group), bench.path(file))]).toEqual([file, await read(...file.split("/"))]);
      expect([file, readAs("3000", bench.path(file))]).toEqual([file, null]);
    }
  },
);

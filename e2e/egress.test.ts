import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeHere } from "./cluster.ts";
import { openKelvin, removeDataDir, type Kelvin } from "./kelvin.ts";
import { kubectlFor, type Kubectl, type KubectlResult } from "./kubectl.ts";

// The way out of the cluster, tried from a Pod with the programs that people use. The machine and the world outside are
// network namespaces (see world/world.sh), so nothing leaves this one.

let worldDir = "";
let kelvin: Kelvin;
let kubectl: Kubectl;

beforeAll(async () => {
  worldDir = mkdtempSync(join(tmpdir(), "kelvin-world-"));
  writeFileSync(join(worldDir, "greeting"), "hello from outside\n");
  makeRepository(worldDir);
  const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
  const environment = ["env", `NODE=${process.execPath}`, `WORLD_DIR=${worldDir}`];
  const unshare = ["unshare", ...user, "--net", "--mount", join(import.meta.dirname, "world", "world.sh")];
  kelvin = await openKelvin({ wrapper: [...environment, ...unshare] });
  const inside = ["nsenter", ...user.slice(0, 1), "--net", "--mount", "--target", String(kelvin.process.pid)];
  kubectl = kubectlFor(kelvin, user.length === 0 ? inside : [...inside, "--preserve-credentials"]);
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "traveller" },
    spec: { containers: [{ name: "sleep", image: "dev.local/hello", command: ["sleep", "1000000"] }] },
  };
  await kubectl.withInput(JSON.stringify(pod), "apply", "-f", "-");
  await kubectl("wait", "--for=condition=Ready", "pod/traveller", "--timeout=30s");
}, 120_000);

afterAll(async () => {
  await kelvin.stop();
  await removeDataDir(kelvin);
  rmSync(worldDir, { recursive: true });
}, 30_000);

/** A repository that any web server can serve. */
function makeRepository(directory: string): void {
  const git = (...args: string[]): void => {
    const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
    const result = spawnSync("git", [...identity, ...args], { cwd: directory, encoding: "utf8" });
    if (result.status !== 0) throw new Error(`git ${args.join(" ")}: ${result.stderr}`);
  };
  git("init", "--quiet", "work");
  writeFileSync(join(directory, "work", "README"), "cloned\n");
  git("-C", "work", "add", "README");
  git("-C", "work", "commit", "--quiet", "--message", "First");
  git("clone", "--quiet", "--bare", "work", "repository.git");
  git("-C", "repository.git", "update-server-info");
}

function inPod(...command: string[]): Promise<KubectlResult> {
  return kubectl.attempt("exec", "traveller", "--", ...command);
}

const curl = (url: string, ...more: string[]): Promise<KubectlResult> =>
  inPod("curl", "--silent", "--show-error", "--max-time", "20", ...more, url);

describeHere("from a Pod to the outside", () => {
  test("by name, by address, by a client that waits for the server's first word", async () => {
    expect((await curl("http://world.example/greeting")).stdout).toBe("hello from outside\n");
    expect((await curl("http://198.51.100.2/greeting")).stdout).toBe("hello from outside\n");
    expect((await curl("http://world.example:25", "--http0.9")).stdout).toBe("220 world.example speaks first\n");
  });

  test("git clone", async () => {
    const script =
      "git clone --quiet http://world.example/repository.git /tmp/kelvin-clone-$$ && cat /tmp/kelvin-clone-$$/README; rm -rf /tmp/kelvin-clone-$$";
    expect(await inPod("sh", "-c", script)).toMatchObject({ code: 0, stdout: "cloned\n" });
  });

  test("three megabytes there and back, over a connection whose client ends its side first", async () => {
    const script = `const socket = require("node:net").connect({ host: "world.example", port: 8001, allowHalfOpen: true });
      let count = 0;
      socket.on("data", ({ length }) => (count += length)).on("end", () => console.log(count));
      socket.end("x".repeat(3_000_000));`;
    expect((await inPod("node", "--eval", script)).stdout).toBe("3000000\n");
  });

  test.each([
    { what: "a port that nobody serves", url: "http://world.example:3000/", cause: /reset|refused/i },
    { what: "a port that is not let out", url: "http://world.example:81/", cause: /connect to/ },
    { what: "the credentials of a cloud machine", url: "http://169.254.169.254/", cause: /reset|connect to/ },
    {
      what: "the machine's loopback address by a name of its own",
      url: "http://own.example:8000/",
      cause: /not resolve/,
    },
    { what: "a Service address that nobody has", url: "http://10.96.200.200:8000/", cause: /connect to/ },
    { what: "an IPv6 address", url: "http://[2001:db8::1]/", cause: /connect to/ },
  ])("$what is refused at once", async ({ url, cause }) => {
    const startMs = performance.now();
    const result = await curl(url);
    expect(result.stderr).toMatch(cause);
    expect(result.code).not.toBe(0);
    // Not a matter of speed: a client that waits for a timeout would wait for much longer.
    expect(performance.now() - startMs).toBeLessThan(8_000);
  });
});

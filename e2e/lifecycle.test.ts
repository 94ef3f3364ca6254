import { afterAll, expect, test } from "@jest/globals";
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { describeHere, networkOptions } from "./cluster.ts";
import { call, eventually } from "./http.ts";
import { openKelvin, removeDataDir, supervisorPid, type Kelvin } from "./kelvin.ts";
import { kubectlFor } from "./kubectl.ts";
import { findLiving, readMachineState } from "./machine-state.ts";

// Starting, stopping, being killed; what is left behind, and what is still there at the next start.

let opened: Kelvin[] = [];

async function removeAll(): Promise<void> {
  for (const kelvin of opened) {
    if (kelvin.process.exitCode === null) await kelvin.stop("SIGKILL");
    await removeDataDir(kelvin);
  }
  opened = [];
}

afterAll(removeAll, 60_000);

async function open(options?: Parameters<typeof openKelvin>[0]): Promise<Kelvin> {
  const kelvin = await openKelvin({ ...options, args: networkOptions });
  opened.push(kelvin);
  return kelvin;
}

describeHere("the end of the supervisor ends everything", () => {
  /** The one that runs, from one test to the next: each ends it in a way of its own, and starts it again. */
  let running: Kelvin | undefined;

  async function openFirst(): Promise<Kelvin> {
    const kelvin = await open();
    const kubectl = kubectlFor(kelvin);
    await kubectl("create", "configmap", "kept", "--from-literal=a=b");
    await kubectl("apply", "-f", "samples/hello/service.yaml");
    await kubectl("wait", "--for=condition=Ready", "ksvc/hello", "--timeout=60s");
    return kelvin;
  }

  test.each([
    { name: "TERM to npm", signal: "SIGTERM" as const, wantCode: 0 },
    { name: "INT to npm", signal: "SIGINT" as const, wantCode: 0 },
    { name: "kill -9 of the supervisor", signal: "SIGKILL" as const, wantCode: undefined },
    { name: "kill -9 of npm", signal: "SIGKILL" as const, wantCode: null, isToNpm: true },
  ])(
    "$name: nothing is left, and the state is there at the next start",
    async ({ signal, wantCode, isToNpm = false }) => {
      const kelvin = running ?? (await openFirst());
      running = undefined;
      const ports = [kelvin.httpPort, kelvin.localPort, kelvin.apiPort];
      const before = readMachineState({ dataDir: kelvin.dataDir, ports });
      expect(before).toMatchObject({ listeningPorts: ports, processes: expect.arrayContaining([expect.any(String)]) });
      expect(before.networkNamespaces.length).toBeGreaterThan(3);

      const startMs = performance.now();
      const exited = new Promise<number | null>((resolve) => void kelvin.process.once("exit", resolve));
      if (signal === "SIGKILL" && !isToNpm) process.kill(supervisorPid(kelvin), signal);
      else kelvin.process.kill(signal);
      const code = await exited;
      expect(performance.now() - startMs).toBeLessThan(15_000);
      if (wantCode !== undefined) expect(code).toBe(wantCode);

      // The kernel closes a killed process's sockets a moment after it has taken its name out of /proc.
      const nothing = { processes: [], listeningPorts: [], mounts: [], networkNamespaces: [] };
      const isGone = async (): Promise<boolean> =>
        isDeepStrictEqual(readMachineState({ dataDir: kelvin.dataDir, ports }), nothing);
      await eventually(isGone, 20_000, "nothing left");
      expect(findLiving(before.networkNamespaces)).toEqual([]);

      const again = await open({
        dataDir: kelvin.dataDir,
        ports: { httpPort: kelvin.httpPort, apiPort: kelvin.apiPort },
      });
      expect(await kubectlFor(again)("get", "configmap", "kept", "-o", "jsonpath={.data.a}")).toBe("b");
      const answer = await eventually(
        async () => {
          const found = await call({ port: again.httpPort, host: "hello.default.localhost" });
          return found.status === 200 ? found : undefined;
        },
        30_000,
        "hello after the restart",
      );
      expect(answer.body).toMatch(/^Hello/);
      running = again;
    },
    180_000,
  );

  test("a second start on the same data directory: already running", async () => {
    const kelvin = running ?? (await openFirst());
    const result = start("--", "--data-dir", kelvin.dataDir);
    expect(result.status).toBe(1);
    expect(result.stderr).toContain(`already running as pid ${supervisorPid(kelvin)}`);
    expect((await call({ port: kelvin.httpPort, host: "hello.default.localhost" })).status).toBe(200);
  }, 120_000);
});

function start(...args: string[]): { status: number | null; stderr: string } {
  return spawnSync("npm", ["start", ...args], { encoding: "utf8", timeout: 60_000 });
}

describeHere("starting wrongly", () => {
  test("an unknown option: exit 2 with usage", () => {
    const result = start("--", "--colour", "blue");
    expect(result.status).toBe(2);
    expect(result.stderr).toContain("--colour");
    expect(result.stderr).toContain("npm start -- --help");
  });

  test("an option that npm swallowed: the right command is printed", () => {
    const result = start("--http-port=9999");
    expect(result.status).toBe(2);
    expect(result.stderr).toContain("npm start -- --http-port");
  });

  test.each(["--http-port", "--registry-port"])(
    "a taken port: %s, which moves it, is named",
    async (option) => {
      const server = createServer();
      await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const child = spawn(
        "npm",
        ["start", "--", "--ephemeral", "--api-port", "39443", "--http-port", "39080", option, String(port)],
        {
          stdio: ["ignore", "ignore", "pipe"],
        },
      );
      let stderr = "";
      child.stderr.on("data", (chunk: Buffer) => void (stderr += chunk.toString()));
      const code = await new Promise<number | null>((resolve) => void child.once("exit", resolve));
      server.close();
      expect(code).toBe(1);
      expect(stderr).toContain(option);
    },
    60_000,
  );
});

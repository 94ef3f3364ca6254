import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { useStepBench } from "./run-command.ts";

const bench = useStepBench();
const server = fileURLToPath(new URL("../src/static-server/static-server.mjs", import.meta.url));
const running: ChildProcess[] = [];

beforeEach(async () => {
  await mkdir(bench.path("workspace", "docs"));
  await writeFile(bench.path("workspace", "index.html"), "<h1>home</h1>");
  await writeFile(bench.path("workspace", "docs", "index.html"), "docs");
  await writeFile(bench.path("workspace", "app.js"), "1");
  await writeFile(bench.path("workspace", ".env"), "secret");
  await writeFile(bench.path("secret.txt"), "secret");
  await symlink("../secret.txt", bench.path("workspace", "out.txt"));
});
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

async function serve(env: Record<string, string> = {}): Promise<string> {
  const child = spawn(process.execPath, [server], {
    env: { PORT: "0", STATIC_DIR: bench.path("workspace"), ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  running.push(child);
  const line = await new Promise<string>((done) =>
    child.stdout.once("data", (chunk: Buffer) => done(chunk.toString())),
  );
  return `http://127.0.0.1:${/on (\d+)/.exec(line)?.[1]}`;
}

test("serves files and index pages, with their types", async () => {
  const url = await serve();
  const home = await fetch(url);
  expect([home.status, home.headers.get("content-type"), await home.text()]).toEqual([
    200,
    "text/html; charset=utf-8",
    "<h1>home</h1>",
  ]);
  expect(await (await fetch(`${url}/docs`)).text()).toBe("docs");
  expect((await fetch(`${url}/app.js`, { method: "HEAD" })).headers.get("content-length")).toBe("1");
  const etag = home.headers.get("etag") ?? "";
  expect((await fetch(url, { headers: { "if-none-match": etag } })).status).toBe(304);
  expect((await fetch(url, { method: "POST" })).status).toBe(405);
});

test("gives nothing hidden, nothing outside, nothing behind a link that leads out", async () => {
  const url = await serve();
  for (const path of ["/.env", "/out.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "/none", "/%00", "/%"]) {
    expect([path, (await fetch(`${url}${path}`)).status]).toEqual([path, 404]);
  }
});

test("shows the site's own page, or the application's, for what is not there", async () => {
  await writeFile(bench.path("workspace", "404.html"), "lost");
  const lost = await fetch(`${await serve()}/none`);
  expect([lost.status, await lost.text()]).toEqual([404, "lost"]);
  const application = await fetch(`${await serve({ STATIC_FALLBACK: "index.html" })}/some/route`);
  expect([application.status, await application.text()]).toEqual([200, "<h1>home</h1>"]);
});

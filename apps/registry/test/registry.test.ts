import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import * as fs from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { createLogger } from "@kelvin/http-service";
import {
  digestOf,
  mediaTypes,
  openRegistryClient,
  parseDockerConfig,
  parseImageReference,
  type RegistryClient,
} from "@kelvin/oci";
import { hash } from "bcryptjs";
import { openApp, type RegistryApp } from "../src/app.ts";
import { systemClock } from "../src/clock.ts";
import { parseConfig, type Config } from "../src/config.ts";
import { collectGarbage } from "../src/storage/collect-garbage.ts";
import { openStorage } from "../src/storage/storage.ts";

const log = createLogger("registry", { level: "silent" });
const never = new AbortController().signal;
let directory: string;
let app: RegistryApp | undefined;
let client: RegistryClient;
let base: string;

beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), "kelvin-registry-"));
  client = openRegistryClient({ retry: { attemptsMax: 3, delayMsMin: 10 } });
});
afterEach(async () => {
  client.close();
  await app?.close();
  app = undefined;
  fs.rmSync(directory, { recursive: true });
});

async function start(changes: Partial<Config> = {}): Promise<string> {
  const config = { ...parseConfig({ REGISTRY_DIRECTORY: directory, LISTEN_PORT: "0" }), ...changes };
  app = await openApp(config, { clock: systemClock, log });
  base = `http://127.0.0.1:${app.port}`;
  return `127.0.0.1:${app.port}`;
}

const config = Buffer.from(
  JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [] } }),
);
const blobOf = (bytes: Buffer): { mediaType: string; digest: string; size: number } => ({
  mediaType: mediaTypes.ociConfig,
  digest: digestOf(bytes),
  size: bytes.length,
});
const uploadOf = (bytes: Buffer, mountFrom?: string): Parameters<RegistryClient["writeBlob"]>[1] => ({
  descriptor: blobOf(bytes),
  read: async function* () {
    yield bytes;
  },
  ...(mountFrom === undefined ? {} : { mountFrom }),
});
const manifestOf = (layers: readonly Buffer[] = [], more: object = {}): Buffer =>
  Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: blobOf(config),
      layers: layers.map((layer) => ({ ...blobOf(layer), mediaType: mediaTypes.ociLayer })),
      ...more,
    }),
  );

async function push(image: string, layers: readonly Buffer[] = []): Promise<string> {
  const reference = parseImageReference(image);
  for (const blob of [config, ...layers]) await client.writeBlob(reference, uploadOf(blob), never);
  const bytes = manifestOf(layers);
  return await client.putManifest(
    reference,
    { descriptor: { ...blobOf(bytes), mediaType: mediaTypes.ociManifest }, bytes },
    never,
  );
}

async function ask(
  method: string,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; headers: Headers; text: string }> {
  const answer = await fetch(`${base}${path}`, { method, ...init });
  return { status: answer.status, headers: answer.headers, text: await answer.text() };
}

const codeOf = ({ text }: { text: string }): unknown =>
  (JSON.parse(text) as { errors: { code: string }[] }).errors[0]?.code;

async function startUpload(repository = "a/b"): Promise<string> {
  const { headers } = await ask("POST", `/v2/${repository}/blobs/uploads/`);
  return headers.get("location") ?? "";
}

describe("an image", () => {
  test("comes back as it went in, by tag and by digest, and after a restart", async () => {
    const host = await start();
    const layer = Buffer.alloc(3_000_000, "layer");
    const digest = await push(`${host}/a/b:1`, [layer]);
    for (const round of [1, 2]) {
      const again = round === 1 ? host : await restart();
      for (const image of [`${again}/a/b:1`, `${again}/a/b@${digest}`]) {
        const received = await client.getManifest(parseImageReference(image), never);
        expect(received.descriptor).toEqual({ mediaType: mediaTypes.ociManifest, digest, size: received.bytes.length });
      }
      const chunks: Uint8Array[] = [];
      for await (const chunk of client.readBlob(parseImageReference(`${again}/a/b`), blobOf(layer), never))
        chunks.push(chunk);
      expect(Buffer.concat(chunks).equals(layer)).toBe(true);
    }
  });

  test("is not pushed twice: blobs are found, or mounted from another repository", async () => {
    const host = await start();
    await push(`${host}/a:1`);
    const other = parseImageReference(`${host}/b`);
    expect(await client.writeBlob(other, uploadOf(config, "a"), never)).toBe("mounted");
    expect(await client.writeBlob(other, uploadOf(config), never)).toBe("found");
    expect(await client.writeBlob(other, uploadOf(Buffer.from("new"), "a"), never)).toBe("uploaded");
  });

  test("without one of its blobs is refused", async () => {
    await start();
    const answer = await ask("PUT", "/v2/a/manifests/1", {
      body: new Uint8Array(manifestOf()),
      headers: { "content-type": mediaTypes.ociManifest },
    });
    expect([answer.status, codeOf(answer)]).toEqual([404, "MANIFEST_BLOB_UNKNOWN"]);
  });

  test("is deleted with the tags that name it, and its blobs only from its repository", async () => {
    const host = await start();
    const digest = await push(`${host}/a:1`);
    await push(`${host}/a:2`);
    await push(`${host}/b:1`);
    expect((await ask("DELETE", `/v2/a/manifests/${digest}`)).status).toBe(202);
    expect((await ask("GET", "/v2/a/tags/list")).text).toBe('{"name":"a","tags":[]}');
    expect((await ask("DELETE", `/v2/a/blobs/${digestOf(config)}`)).status).toBe(202);
    expect((await ask("HEAD", `/v2/a/blobs/${digestOf(config)}`)).status).toBe(404);
    expect((await ask("HEAD", `/v2/b/blobs/${digestOf(config)}`)).status).toBe(200);
    expect((await ask("GET", "/v2/b/manifests/1")).status).toBe(200);
  });
});

async function restart(): Promise<string> {
  await app?.close();
  return await start();
}

describe("an upload", () => {
  test("in chunks goes on after a restart, from where it says", async () => {
    await start();
    const location = await startUpload();
    const first = await ask("PATCH", location, { body: "hello ", headers: { "content-range": "0-5" } });
    expect([first.status, first.headers.get("range")]).toEqual([202, "0-5"]);
    await restart();
    const wrong = await ask("PATCH", location, { body: "world", headers: { "content-range": "4-8" } });
    expect([wrong.status, wrong.headers.get("range")]).toEqual([416, "0-5"]);
    expect((await ask("GET", location)).headers.get("range")).toBe("0-5");
    await ask("PATCH", location, { body: "world", headers: { "content-range": "6-10" } });
    const digest = digestOf("hello world");
    expect((await ask("PUT", `${location}?digest=${digest}`)).status).toBe(201);
    expect((await ask("GET", `/v2/a/b/blobs/${digest}`)).text).toBe("hello world");
    expect((await ask("GET", location)).status).toBe(404);
  });

  test("whose client hung up goes on with what has come", async () => {
    await start();
    const location = await startUpload();
    const socket = connect(Number(new URL(base).port), "127.0.0.1");
    socket.write(`PATCH ${location} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhello `);
    await waitFor(() => uploadBytes() === 6);
    socket.destroy();
    const digest = digestOf("hello world");
    expect((await ask("PUT", `${location}?digest=${digest}`, { body: "world" })).status).toBe(201);
    expect((await ask("GET", `/v2/a/b/blobs/${digest}`)).text).toBe("hello world");
  });

  test("of another digest is refused and gone", async () => {
    await start();
    const location = await startUpload();
    const answer = await ask("PUT", `${location}?digest=${digestOf("else")}`, { body: "hello" });
    expect([answer.status, codeOf(answer)]).toEqual([400, "DIGEST_INVALID"]);
    expect((await ask("GET", location)).status).toBe(404);
    expect(fs.readdirSync(join(directory, "uploads"))).toEqual([]);
  });

  test("beyond the limit is refused while it comes", async () => {
    await start({ blobBytesMax: 1000 });
    const answer = await ask("PUT", `${await startUpload()}?digest=${digestOf("x")}`, { body: "x".repeat(1001) });
    expect([answer.status, codeOf(answer)]).toEqual([413, "SIZE_INVALID"]);
  });

  test("that fills the disk is gone, so that others can go on", async () => {
    const { uploads } = openStorage({ directory, blobBytesMax: 1e9, clock: systemClock });
    const upload = { repository: "a", id: await uploads.start("a") };
    const full = Object.assign(new Error("write"), { code: "ENOSPC" });
    async function* filling(): AsyncGenerator<Uint8Array, void> {
      yield Buffer.from("some");
      throw full;
    }
    await expect(uploads.append(upload, { bytes: filling() })).rejects.toBe(full);
    expect(await uploads.find(upload)).toBeUndefined();
    expect(fs.readdirSync(join(directory, "uploads"))).toEqual([]);
  });

  test("may come whole with its start, be cancelled, and be asked for in its own repository only", async () => {
    await start();
    const digest = digestOf("whole");
    const whole = await ask("POST", `/v2/a/b/blobs/uploads/?digest=${digest}`, { body: "whole" });
    expect([whole.status, whole.headers.get("docker-content-digest")]).toEqual([201, digest]);
    const location = await startUpload();
    expect((await ask("GET", location.replace("/a/b/", "/c/"))).status).toBe(404);
    expect((await ask("DELETE", location)).status).toBe(204);
    expect((await ask("DELETE", location)).status).toBe(404);
  });
});

function uploadBytes(): number {
  const name = fs.readdirSync(join(directory, "uploads")).find((file) => file.endsWith(".content"));
  return name === undefined ? -1 : fs.statSync(join(directory, "uploads", name)).size;
}

async function waitFor(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (await isTrue()) return;
    await systemClock.sleep(5, never);
  }
  throw new Error("waited for too long");
}

describe("refusals are in the specification's words", () => {
  test.each<[status: number, code: string, request: [method: string, path: string]]>([
    [400, "NAME_INVALID", ["GET", "/v2/Upper/tags/list"]],
    [400, "NAME_INVALID", ["GET", "/v2/a%2f%2e%2e%2fb/tags/list"]],
    [404, "NAME_UNKNOWN", ["GET", "/v2/nobody/tags/list"]],
    [404, "BLOB_UNKNOWN", ["GET", `/v2/a/blobs/${digestOf("x")}`]],
    [400, "DIGEST_INVALID", ["GET", "/v2/a/blobs/sha256:12"]],
    [404, "MANIFEST_UNKNOWN", ["GET", "/v2/a/manifests/1"]],
    [404, "BLOB_UPLOAD_UNKNOWN", ["GET", "/v2/a/blobs/uploads/00000000-0000-0000-0000-000000000000"]],
    [404, "BLOB_UPLOAD_UNKNOWN", ["PUT", "/v2/a/blobs/uploads/.."]],
    [405, "UNSUPPORTED", ["DELETE", "/v2/_catalog"]],
    [405, "UNSUPPORTED", ["PATCH", "/v2/a/manifests/1"]],
    [400, "UNSUPPORTED", ["GET", "/v2/_catalog?n=x"]],
    [404, "UNSUPPORTED", ["GET", "/v2/a/else/1"]],
  ])("%i %s for %j", async (status, code, [method, path]) => {
    await start();
    // fetch would tidy the path up.
    const answer = await askRaw(method, path);
    expect(answer.split("\r\n")[0]).toContain(` ${status} `);
    expect(codeOf({ text: answer.slice(answer.indexOf("\r\n\r\n") + 4) })).toBe(code);
  });

  test.each<[code: string, body: string, type: string]>([
    ["MANIFEST_INVALID", "no json", mediaTypes.ociManifest],
    ["MANIFEST_INVALID", manifestOf().toString(), mediaTypes.ociIndex],
    ["MANIFEST_INVALID", manifestOf().toString(), "application/json"],
    ["MANIFEST_INVALID", manifestOf([], { layers: [{ digest: "../../x" }] }).toString(), mediaTypes.ociManifest],
    ["MANIFEST_INVALID", "x".repeat(4 * 1024 * 1024 + 1), mediaTypes.ociManifest],
  ])("%s", async (code, body, type) => {
    await start();
    const answer = await ask("PUT", "/v2/a/manifests/1", { body, headers: { "content-type": type } });
    expect(codeOf(answer)).toBe(code);
  });
});

async function askRaw(method: string, path: string): Promise<string> {
  const socket = connect(Number(new URL(base).port), "127.0.0.1");
  socket.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

test("tags and repositories come in pages, in order", async () => {
  const host = await start();
  for (const image of ["b:2", "b:10", "b:1", "a-b:1", "a/b:1", "a:1"]) await push(`${host}/${image}`);
  const first = await ask("GET", "/v2/b/tags/list?n=2");
  expect(JSON.parse(first.text)).toEqual({ name: "b", tags: ["1", "10"] });
  const next = /<([^>]+)>; rel="next"/.exec(first.headers.get("link") ?? "")?.[1] ?? "";
  expect(JSON.parse((await ask("GET", next)).text)).toEqual({ name: "b", tags: ["2"] });
  expect(JSON.parse((await ask("GET", "/v2/_catalog")).text)).toEqual({ repositories: ["a", "a-b", "a/b", "b"] });
});

test("parts of a blob", async () => {
  await start();
  const digest = digestOf("0123456789");
  await ask("POST", `/v2/a/blobs/uploads/?digest=${digest}`, { body: "0123456789" });
  const part = async (range: string): Promise<unknown[]> => {
    const { status, headers, text } = await ask("GET", `/v2/a/blobs/${digest}`, { headers: { range } });
    return [status, headers.get("content-range"), status === 416 ? "" : text];
  };
  expect(await part("bytes=2-4")).toEqual([206, "bytes 2-4/10", "234"]);
  expect(await part("bytes=7-")).toEqual([206, "bytes 7-9/10", "789"]);
  expect(await part("bytes=-3")).toEqual([206, "bytes 7-9/10", "789"]);
  expect(await part("bytes=5-99")).toEqual([206, "bytes 5-9/10", "56789"]);
  expect(await part("bytes=10-")).toEqual([416, "bytes */10", ""]);
  expect(await part("bytes=3-1")).toEqual([200, null, "0123456789"]);
});

test("what refers to an image is listed, by type too, until it is deleted", async () => {
  const host = await start();
  const subject = await push(`${host}/a:1`);
  const bytes = manifestOf([], { artifactType: "text/x", subject: { ...blobOf(Buffer.from("")), digest: subject } });
  const put = await ask("PUT", "/v2/a/manifests/note", {
    body: new Uint8Array(bytes),
    headers: { "content-type": mediaTypes.ociManifest },
  });
  expect(put.headers.get("oci-subject")).toBe(subject);
  const list = async (query = ""): Promise<unknown> =>
    (JSON.parse((await ask("GET", `/v2/a/referrers/${subject}${query}`)).text) as { manifests: unknown }).manifests;
  const note = {
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(bytes),
    size: bytes.length,
    artifactType: "text/x",
  };
  expect(await list()).toEqual([note]);
  expect(await list("?artifactType=text/x")).toEqual([note]);
  expect(await list("?artifactType=text/y")).toEqual([]);
  await ask("DELETE", `/v2/a/manifests/${digestOf(bytes)}`);
  expect(await list()).toEqual([]);
});

test("with users, only they may do anything, and right passwords are quick from the second time on", async () => {
  const htpasswdFile = join(directory, "htpasswd");
  fs.writeFileSync(htpasswdFile, `# users\nanna:${await hash("se:cret", 4)}\n`);
  const host = await start({ htpasswdFile });
  const refused = await ask("GET", "/v2/");
  expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, 'Basic realm="kelvin registry"']);
  const basic = (text: string): RequestInit => ({
    headers: { authorization: `Basic ${Buffer.from(text).toString("base64")}` },
  });
  expect((await ask("GET", "/v2/", basic("anna:wrong"))).status).toBe(401);
  expect((await ask("GET", "/v2/", basic("nobody:se:cret"))).status).toBe(401);
  expect((await ask("GET", "/v2/", basic("anna:se:cret"))).status).toBe(200);
  expect((await ask("GET", "/readyz")).status).toBe(200);

  client.close();
  const auths = { [host]: { auth: Buffer.from("anna:se:cret").toString("base64") } };
  client = openRegistryClient({ credentials: parseDockerConfig(JSON.stringify({ auths })) });
  await push(`${host}/a:1`);
});

test("a broken htpasswd is named with its line", async () => {
  const htpasswdFile = join(directory, "htpasswd");
  fs.writeFileSync(htpasswdFile, "\nanna:plain\n");
  await expect(start({ htpasswdFile })).rejects.toThrow("htpasswd line 2");
});

test("garbage: what no manifest names goes after its grace, and nothing else", async () => {
  const host = await start();
  const layer = Buffer.from("layer");
  const digest = await push(`${host}/a:1`, [layer]);
  // No tag names the first image any more, but a workload may, by its digest.
  await push(`${host}/a:1`);
  await client.writeBlob(parseImageReference(`${host}/a`), uploadOf(Buffer.from("left")), never);
  await startUpload();
  const nowMs = systemClock.nowMs();
  const storage = openStorage({ directory, blobBytesMax: 1e9, clock: systemClock });
  const collectAt = (laterMs: number): Promise<unknown> =>
    collectGarbage(storage, { clock: { ...systemClock, nowMs: () => nowMs + laterMs } });
  expect(await collectAt(30 * 60_000)).toEqual({ links: 0, blobs: 0 });
  expect(await collectAt(61 * 60_000)).toEqual({ links: 1, blobs: 1 });
  expect(fs.readdirSync(join(directory, "uploads"))).toHaveLength(1);
  await collectAt(25 * 60 * 60_000);
  expect(fs.readdirSync(join(directory, "uploads"))).toHaveLength(0);
  expect((await ask("GET", `/v2/a/manifests/${digest}`)).status).toBe(200);
  expect((await ask("GET", `/v2/a/blobs/${digestOf(layer)}`)).text).toBe("layer");

  await ask("DELETE", `/v2/a/manifests/${digest}`);
  await collectAt(61 * 60_000);
  expect((await ask("GET", `/v2/a/blobs/${digestOf(layer)}`)).status).toBe(404);
});

describe("kill -9", () => {
  const processes: ChildProcess[] = [];
  afterEach(() => {
    for (const child of processes.splice(0)) child.kill("SIGKILL");
  });

  async function startProcess(port: number): Promise<ChildProcess> {
    const main = join(import.meta.dirname, "../src/main.ts");
    const child = spawn(process.execPath, ["--conditions=@kelvin/source", main], {
      env: { REGISTRY_DIRECTORY: directory, LISTEN_PORT: String(port), LOG_LEVEL: "error" },
      stdio: "inherit",
    });
    processes.push(child);
    base = `http://127.0.0.1:${port}`;
    await waitFor(() =>
      fetch(`${base}/v2/`).then(
        () => true,
        () => false,
      ),
    );
    return child;
  }

  test.each([0, 1, 2, 3, 4, 5])(
    "in the middle of a push: the next push is right (place %i)",
    async (place) => {
      const port = await freePort();
      const first = await startProcess(port);
      const host = `127.0.0.1:${port}`;
      const layers = [Buffer.alloc(2_000_000, "a"), Buffer.alloc(2_000_000, "b")];
      // The push runs into the kill, wherever it is by then, and goes on by itself or is begun again.
      const pushing = push(`${host}/a:1`, layers).catch(() => undefined);
      await waitFor(() => place === 0 || countFiles() >= place * 2);
      first.kill("SIGKILL");
      await once(first, "exit");
      await startProcess(port);
      await pushing;
      const digest = await push(`${host}/a:1`, layers);
      const { manifest } = await client.getManifest(parseImageReference(`${host}/a@${digest}`), never);
      expect(manifest).toMatchObject({ layers: layers.map((layer) => ({ digest: digestOf(layer) })) });
      for (const layer of layers) {
        for await (const _chunk of client.readBlob(parseImageReference(`${host}/a`), blobOf(layer), never)) {
          // The client checks it.
        }
      }
    },
    30_000,
  );

  function countFiles(): number {
    return fs.readdirSync(directory, { recursive: true }).length - 5;
  }
});

async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

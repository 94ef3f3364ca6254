import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { parseChallenges } from "./challenge.ts";
import { digestOf } from "./digest.ts";
import { parseImageReference } from "./image-reference.ts";
import { mediaTypes } from "./media-types.ts";
import { openRegistryClient, type RegistryClient, type RegistryClientOptions } from "./registry-client.ts";
import { findCredential, parseDockerConfig } from "./registry-credential.ts";
import { endpointOf } from "./registry-endpoint.ts";

// Registries that behave well are the real ones of apps/registry's tests; these here do what registries should not.
const servers: Server[] = [];
const clients: RegistryClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

interface Seen {
  readonly line: string;
  readonly authorization: string | undefined;
}

async function serve(listener: RequestListener): Promise<{ host: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    seen.push({ line: `${request.method} ${request.url}`, authorization: request.headers.authorization });
    listener(request, response);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const delays: number[] = [];
function open(options: RegistryClientOptions = {}): RegistryClient {
  delays.length = 0;
  const client = openRegistryClient({
    retry: {
      async sleep(delayMs) {
        delays.push(delayMs);
      },
    },
    ...options,
  });
  clients.push(client);
  return client;
}

const never = new AbortController().signal;
const content = Buffer.from("0123456789".repeat(1000));
const blob = { mediaType: mediaTypes.ociLayer, digest: digestOf(content), size: content.length };
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: { mediaType: mediaTypes.ociConfig, digest: digestOf("{}"), size: 2 },
    layers: [],
  }),
);

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of bytes) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function drain(request: IncomingMessage): Promise<void> {
  for await (const _chunk of request) {
    // Only its end matters.
  }
}

const basic = `Basic ${Buffer.from("user:pass").toString("base64")}`;
const credentialsOf = (host: string): RegistryClientOptions => ({
  credentials: parseDockerConfig(JSON.stringify({ auths: { [host]: { username: "user", password: "pass" } } })),
});

describe("who we are", () => {
  test("Basic is said when asked for, and from then on", async () => {
    const { host, seen } = await serve((request, response) => {
      if (request.headers.authorization === basic) response.writeHead(200).end(manifest);
      else response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    });
    const client = open(credentialsOf(host));
    await client.getManifest(parseImageReference(`${host}/a:1`), never);
    await client.getManifest(parseImageReference(`${host}/a:2`), never);
    expect(seen.map(({ authorization }) => authorization)).toEqual([undefined, basic, basic]);
  });

  test("a wrong password is said once, and is Unauthorized", async () => {
    const { host, seen } = await serve((_request, response) => {
      response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
    });
    const client = open(credentialsOf(host));
    const reference = parseImageReference(`${host}/a:1`);
    await expect(client.getManifest(reference, never)).rejects.toMatchObject({
      code: "Unauthorized",
      message: expect.stringContaining("does not take our credentials"),
    });
    expect(seen).toHaveLength(2);
    await expect(open().getManifest(reference, never)).rejects.toThrow("there are no credentials for it");
  });

  test("a token is fetched for the scope asked for, used again, and renewed when it is refused", async () => {
    let good = "one";
    const tokens = await serve((_request, response) => response.end(JSON.stringify({ token: good })));
    const { host } = await serve((request, response) => {
      if (request.headers.authorization === `Bearer ${good}`) response.writeHead(200).end(manifest);
      else {
        const scope = "repository:a:pull";
        const header = `Bearer realm="http://${tokens.host}/token?x=1",service="reg, \\"istry\\"",scope="${scope}"`;
        response.writeHead(401, { "www-authenticate": header }).end();
      }
    });
    const client = open(credentialsOf(host));
    const reference = parseImageReference(`${host}/a:1`);
    await client.getManifest(reference, never);
    await client.getManifest(reference, never);
    good = "two";
    await client.getManifest(reference, never);
    const line = `GET /token?${new URLSearchParams({ x: "1", service: 'reg, "istry"', scope: "repository:a:pull" }).toString()}`;
    expect(tokens.seen).toEqual([
      { line, authorization: basic },
      { line, authorization: basic },
    ]);
  });

  test("credentials do not go to where a redirect leads", async () => {
    const other = await serve((_request, response) => response.end(content));
    const { host, seen } = await serve((request, response) => {
      if (request.headers.authorization !== basic) response.writeHead(401, { "www-authenticate": "Basic" }).end();
      else response.writeHead(307, { location: `http://${other.host}/elsewhere` }).end();
    });
    expect(await collect(open(credentialsOf(host)).readBlob({ registry: host, repository: "a" }, blob, never))).toEqual(
      content,
    );
    expect(seen.at(-1)?.authorization).toBe(basic);
    expect(other.seen).toEqual([{ line: "GET /elsewhere", authorization: undefined }]);
  });

  test("an upload to another host goes there without credentials", async () => {
    const other = await serve((request, response) => void drain(request).then(() => response.writeHead(201).end()));
    const { host } = await serve((request, response) => {
      if (request.headers.authorization !== basic) response.writeHead(401, { "www-authenticate": "Basic" }).end();
      else if (request.method === "HEAD") response.writeHead(404).end();
      else response.writeHead(202, { location: `http://${other.host}/up?state=a%2Fb` }).end();
    });
    const upload = {
      descriptor: blob,
      read: async function* () {
        yield content;
      },
    };
    expect(await open(credentialsOf(host)).writeBlob({ registry: host, repository: "a" }, upload, never)).toBe(
      "uploaded",
    );
    expect(other.seen).toEqual([
      { line: `PUT /up?state=a%2Fb&digest=${encodeURIComponent(blob.digest)}`, authorization: undefined },
    ]);
  });

  test("an attacker's token service without TLS is not asked", async () => {
    const { host } = await serve((_request, response) => {
      response.writeHead(401, { "www-authenticate": 'Bearer realm="http://collector.example/"' }).end();
    });
    await expect(open(credentialsOf(host)).getManifest(parseImageReference(`${host}/a`), never)).rejects.toMatchObject({
      code: "Refused",
      message: expect.stringContaining("without TLS"),
    });
  });
});

describe("what breaks", () => {
  test("is tried again with growing delays, and in the end Unavailable", async () => {
    const { host, seen } = await serve((_request, response) => response.writeHead(503).end());
    await expect(open().getManifest(parseImageReference(`${host}/a`), never)).rejects.toMatchObject({
      code: "Unavailable",
    });
    expect(seen).toHaveLength(5);
    expect(delays).toHaveLength(4);
    for (const [n, delayMs] of delays.entries()) {
      expect(delayMs).toBeGreaterThanOrEqual(125 * 2 ** n);
      expect(delayMs).toBeLessThanOrEqual(375 * 2 ** n);
    }
  });

  test("waits as long as the registry asks, within reason", async () => {
    let calls = 0;
    const { host } = await serve((_request, response) => {
      calls++;
      if (calls < 3) response.writeHead(429, { "retry-after": calls === 1 ? "3" : "99999" }).end();
      else response.end(manifest);
    });
    await open().getManifest(parseImageReference(`${host}/a`), never);
    expect(delays).toEqual([3000, 60_000]);
  });

  test("a blob goes on where the connection broke", async () => {
    const { host, seen } = await serve((request, response) => {
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const headers = { "content-length": content.length - from };
      const range = { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` };
      response.writeHead(from === 0 ? 200 : 206, { ...headers, ...(from === 0 ? {} : range) });
      if (from >= 6000) response.end(content.subarray(from));
      else response.write(content.subarray(from, from + 3000), () => setTimeout(() => response.destroy(), 20));
    });
    expect(await collect(open().readBlob({ registry: host, repository: "a" }, blob, never))).toEqual(content);
    expect(seen.length).toBeGreaterThan(2);
  });

  test("a blob is read anew where the registry knows no ranges", async () => {
    let calls = 0;
    const { host } = await serve((_request, response) => {
      response.writeHead(200, { "content-length": content.length });
      if (++calls > 1) response.end(content);
      else response.write(content.subarray(0, 3000), () => setTimeout(() => response.destroy(), 20));
    });
    expect(await collect(open().readBlob({ registry: host, repository: "a" }, blob, never))).toEqual(content);
  });

  test("an upload is begun anew, with all its bytes", async () => {
    const bodies: number[] = [];
    let puts = 0;
    const { host, seen } = await serve((request, response) => {
      if (request.method === "HEAD") response.writeHead(404).end();
      else if (request.method === "POST") response.writeHead(202, { location: `up/${puts}` }).end();
      else if (++puts === 1) request.once("data", () => request.destroy());
      else {
        let bytes = 0;
        request.on("data", (chunk: Buffer) => (bytes += chunk.length));
        request.on("end", () => {
          bodies.push(bytes);
          response.writeHead(201).end();
        });
      }
    });
    const upload = {
      descriptor: blob,
      read: async function* () {
        yield content;
      },
    };
    await open().writeBlob({ registry: host, repository: "a" }, upload, never);
    expect(bodies).toEqual([content.length]);
    expect(seen.map(({ line }) => line.split(" ")[0])).toEqual(["HEAD", "POST", "PUT", "HEAD", "POST", "PUT"]);
  });

  test("an abort ends everything at once", async () => {
    const { host } = await serve(() => undefined);
    const stop = new AbortController();
    const waiting = open().getManifest(parseImageReference(`${host}/a`), stop.signal);
    setTimeout(() => stop.abort(new RangeError("enough")), 20);
    await expect(waiting).rejects.toThrow("enough");
  });

  test("a registry that says nothing more is Unavailable", async () => {
    const { host } = await serve(() => undefined);
    const client = open({ idleMsMax: 50, retry: { attemptsMax: 1 } });
    await expect(client.getManifest(parseImageReference(`${host}/a`), never)).rejects.toMatchObject({
      code: "Unavailable",
    });
  });

  test("nobody there: Unavailable, with the host in the message", async () => {
    const client = open({ retry: { attemptsMax: 1 } });
    await expect(client.getManifest(parseImageReference("127.0.0.1:1/a"), never)).rejects.toThrow(
      /127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/,
    );
  });
});

describe("what is wrong is not taken", () => {
  test.each([
    ["other bytes", Buffer.alloc(content.length, "x")],
    ["too many bytes", Buffer.concat([content, content])],
    ["too few bytes", content.subarray(1)],
  ])("a blob of %s", async (_name, bytes) => {
    const { host } = await serve((_request, response) => response.end(bytes));
    await expect(collect(open().readBlob({ registry: host, repository: "a" }, blob, never))).rejects.toMatchObject({
      code: "InvalidContent",
    });
  });

  test.each<[name: string, answer: { body: string | Buffer; headers?: Record<string, string> }, code: string]>([
    ["of another digest", { body: manifest, headers: { "docker-content-digest": digestOf("x") } }, "InvalidContent"],
    ["that is no JSON", { body: "<html>" }, "InvalidContent"],
    ["of schema 1", { body: '{"schemaVersion":1}' }, "InvalidContent"],
    ["that is ambiguous", { body: '{"schemaVersion":2,"layers":[],"manifests":[]}' }, "InvalidContent"],
    ["without a config", { body: '{"schemaVersion":2,"layers":[]}' }, "InvalidContent"],
    ["that is too long", { body: Buffer.alloc(5 * 1024 * 1024, " ") }, "Refused"],
    [
      "that claims another type",
      { body: manifest.toString().replace(mediaTypes.ociManifest, mediaTypes.ociIndex) },
      "InvalidContent",
    ],
  ])("a manifest %s", async (_name, { body, headers = {} }, code) => {
    const { host } = await serve((_request, response) => response.writeHead(200, headers).end(body));
    await expect(open().getManifest(parseImageReference(`${host}/a`), never)).rejects.toMatchObject({ code });
  });

  test("a manifest that does not fit the digest asked for", async () => {
    const { host } = await serve((_request, response) => response.end(manifest));
    const wrong = parseImageReference(`${host}/a@${digestOf("x")}`);
    await expect(open().getManifest(wrong, never)).rejects.toMatchObject({ code: "InvalidContent" });
  });

  test.each<[status: number, code: string]>([
    [403, "Denied"],
    [404, "NotFound"],
    [400, "Refused"],
  ])("%i is %s, in the registry's words", async (status, code) => {
    const { host, seen } = await serve((_request, response) => {
      response.writeHead(status).end('{"errors":[{"code":"SOME_CODE","message":"some words"}]}');
    });
    await expect(open().getManifest(parseImageReference(`${host}/a`), never)).rejects.toMatchObject({
      code,
      message: expect.stringContaining("SOME_CODE: some words"),
    });
    expect(seen).toHaveLength(1);
  });

  test("redirects in a circle", async () => {
    const { host, seen } = await serve((_request, response) => response.writeHead(302, { location: "/again" }).end());
    await expect(open().getManifest(parseImageReference(`${host}/a`), never)).rejects.toThrow("more than 5 redirects");
    expect(seen).toHaveLength(6);
  });
});

describe("credentials", () => {
  const configuration = JSON.stringify({
    auths: {
      "https://index.docker.io/v1/": { auth: Buffer.from("hub:pa:ss").toString("base64") },
      "gcr.io": { username: "g", password: "p" },
      "gcr.io/project": { username: "below", password: "p" },
      "https://ghcr.io": { identitytoken: "t" },
      "*.example.com": { username: "star", password: "p" },
      empty: {},
      broken: { auth: "!!" },
    },
  });
  test.each([
    ["nginx", "hub"],
    ["docker.io/a/b", "hub"],
    ["gcr.io/a", "g"],
    ["gcr.io/project/x", "below"],
    ["gcr.io/projects/x", "g"],
    ["a.example.com/x", "star"],
    ["a.b.example.com/x", undefined],
    ["example.com/x", undefined],
    ["gcr.io.evil.com/x", undefined],
    ["gcr.io:444/x", undefined],
  ])("of %s are those of %s", (image, username) => {
    expect(findCredential(parseDockerConfig(configuration), parseImageReference(image))?.username).toBe(username);
  });

  test("that cannot be read are not quoted", () => {
    expect(() => parseDockerConfig('{"auths": {"x": {"password": "hunter2"')).toThrow(
      /^the Docker configuration is no JSON/,
    );
  });

  test("of the older form", () => {
    expect(parseDockerConfig('{"gcr.io": {"username": "a", "password": "b"}}')).toEqual([
      { registry: "gcr.io", path: "", username: "a", password: "b" },
    ]);
  });
});

test.each([
  ["ghcr.io", "https://ghcr.io/"],
  ["docker.io", "https://registry-1.docker.io/"],
  ["localhost:5000", "http://localhost:5000/"],
  ["registry.localhost:5000", "http://10.0.0.1:5000/"],
  ["127.0.0.1:5000", "http://127.0.0.1:5000/"],
  ["127.0.0.1.evil.com", "https://127.0.0.1.evil.com/"],
  ["evil-localhost", "https://evil-localhost/"],
  ["plain.example:80", "http://plain.example/"],
])("%s answers at %s", (registry, url) => {
  const options = { endpoints: { "registry.localhost:5000": "http://10.0.0.1:5000" }, plainHttp: ["plain.example"] };
  expect(endpointOf(registry, options).href).toBe(url);
});

test("challenges are parsed, several in one header, whatever is quoted in them", () => {
  expect(parseChallenges('Basic realm="a, b", Bearer realm="https://x/\\"y",scope="a:b c:d" , service=z')).toEqual([
    { scheme: "basic", parameters: { realm: "a, b" } },
    { scheme: "bearer", parameters: { realm: 'https://x/"y', scope: "a:b c:d", service: "z" } },
  ]);
  expect(parseChallenges("Negotiate, Basic")).toEqual([
    { scheme: "negotiate", parameters: {} },
    { scheme: "basic", parameters: {} },
  ]);
  expect(parseChallenges('"""')).toEqual([]);
});

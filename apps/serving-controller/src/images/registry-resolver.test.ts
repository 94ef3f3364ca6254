import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "@jest/globals";
import { isByDigest, parseImageReference, registryOf } from "./image-reference.ts";
import type { RegistryCredential } from "./image-resolver.ts";
import { parsePullSecret } from "./pull-secrets.ts";
import { openRegistryResolver } from "./registry-resolver.ts";

const digest = `sha256:${"a".repeat(64)}`;
let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function openRegistry(answer: RequestListener): Promise<string> {
  const opened = createServer(answer);
  server = opened;
  await new Promise<void>((resolve) => opened.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(opened.address() as AddressInfo).port}`;
}

function resolve(image: string, credentials: readonly RegistryCredential[] = []): Promise<string> {
  return openRegistryResolver().resolve(image, { credentials, signal: AbortSignal.timeout(5000) });
}

const authorizationOf = ({ headers }: IncomingMessage): string => headers.authorization ?? "";

describe("resolving a tag", () => {
  test("asks the registry for the manifest's digest", async () => {
    const calls: string[] = [];
    const registry = await openRegistry(({ method, url }, response) => {
      calls.push(`${method} ${url}`);
      response.setHeader("docker-content-digest", digest).end();
    });
    expect(await resolve(`${registry}/team/hello:v1`)).toBe(`${registry}/team/hello@${digest}`);
    expect(calls).toEqual(["HEAD /v2/team/hello/manifests/v1"]);
  });

  test("hashes the manifest where the registry names no digest", async () => {
    const registry = await openRegistry((_request, response) => response.end("{}"));
    const hash = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    expect(await resolve(`${registry}/hello`)).toBe(`${registry}/hello@sha256:${hash}`);
  });

  test("fetches a token where the registry wants one, with the pull secret's user", async () => {
    const registry = await openRegistry((request, response) => {
      const { host = "", authorization } = request.headers;
      if (request.url?.startsWith("/token") === true) {
        const basic = Buffer.from("user:secret").toString("base64");
        const scope = new URL(request.url, `http://${host}`).searchParams.get("scope");
        const token = authorizationOf(request) === `Basic ${basic}` ? `for ${scope}` : "none";
        response.end(JSON.stringify({ token }));
      } else if (authorization === "Bearer for repository:team/hello:pull") {
        response.setHeader("docker-content-digest", digest).end();
      } else {
        const challenge = `Bearer realm="http://${host}/token",service="registry",scope="repository:team/hello:pull"`;
        response.writeHead(401, { "www-authenticate": challenge }).end();
      }
    });
    const credentials = [{ registry, username: "user", password: "secret" }];
    expect(await resolve(`${registry}/team/hello`, credentials)).toBe(`${registry}/team/hello@${digest}`);
    await expect(resolve(`${registry}/team/hello`)).rejects.toThrow(/401/);
  });

  test("fails in the registry's own words", async () => {
    const registry = await openRegistry((_request, response) => {
      response
        .writeHead(404)
        .end(JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] }));
    });
    await expect(resolve(`${registry}/hello:none`)).rejects.toThrow(
      `GET http://${registry}/v2/hello/manifests/none: MANIFEST_UNKNOWN: manifest unknown`,
    );
  });

  test("a digest needs no registry", async () => {
    expect(await resolve(`ghcr.io/a/b@${digest}`)).toBe(`ghcr.io/a/b@${digest}`);
  });
});

describe("image references", () => {
  test.each([
    ["nginx", "index.docker.io", "library/nginx", "latest"],
    ["team/app:v1", "index.docker.io", "team/app", "v1"],
    ["docker.io/nginx", "index.docker.io", "library/nginx", "latest"],
    ["localhost:5000/app", "localhost:5000", "app", "latest"],
    ["dev.local/apps/x", "dev.local", "apps/x", "latest"],
  ])("%s", (image, ...[registry, repository, tag]) => {
    expect(parseImageReference(image)).toEqual({ registry, repository, tag });
    expect(registryOf(image)).toBe(registry);
  });

  test("what is none is refused", () => {
    for (const image of ["", "UPPER/case", "a@sha256:1", "a b", "a:tag:tag@x"]) {
      expect(() => parseImageReference(image)).toThrow(SyntaxError);
    }
    expect(isByDigest(`a@${digest}`)).toBe(true);
  });
});

test("pull secrets give the credentials of each registry", () => {
  const config = {
    auths: {
      "https://index.docker.io/v1/": { auth: Buffer.from("hub:pass:word").toString("base64") },
      "ghcr.io": { username: "me", password: "p" },
      "broken.io": {},
    },
  };
  const encoded = Buffer.from(JSON.stringify(config)).toString("base64");
  expect(parsePullSecret({ metadata: { name: "s" }, data: { ".dockerconfigjson": encoded } })).toEqual([
    { registry: "index.docker.io", username: "hub", password: "pass:word" },
    { registry: "ghcr.io", username: "me", password: "p" },
  ]);
  expect(parsePullSecret({ metadata: { name: "s" }, data: { ".dockerconfigjson": "bm90IGpzb24=" } })).toEqual([]);
});

import { createHash } from "node:crypto";
import { lstat, mkdir, readFile, readdir, readlink, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "@jest/globals";
import { makeTar, makeZip } from "./archives.ts";
import type { ArchiveEntry } from "./archives.ts";
import { useStepBench } from "./run-command.ts";

const bench = useStepBench();
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

interface Served {
  readonly url: string;
  readonly seen: { readonly url: string | undefined; readonly authorization: string | undefined }[];
}

async function serve(answer: RequestListener): Promise<Served> {
  const seen: Served["seen"] = [];
  const server = createServer((request, response) => {
    seen.push({ url: request.url, authorization: request.headers.authorization });
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}
const serveBytes = async (bytes: Buffer): Promise<Served> => await serve((_, response) => response.end(bytes));

async function fetchArchive(url: string, ...flags: string[]) {
  return await bench.run(["fetch-archive", "--workspace", bench.path("workspace"), "--url", url, ...flags]);
}
const content = async (...path: string[]): Promise<string> => await readFile(bench.path("workspace", ...path), "utf8");
const listing = async (): Promise<string[]> => (await readdir(bench.path("workspace"), { recursive: true })).toSorted();

const good: readonly ArchiveEntry[] = [
  { name: "app/", type: "directory" },
  { name: "app/run.sh", content: "#!/bin/sh\n", mode: 0o755 },
  { name: "app/deep/er/x.txt", content: "x" },
  { name: "app/link", link: "run.sh", type: "symlink" },
];
const formats: readonly [string, (entries: readonly ArchiveEntry[]) => Buffer][] = [
  ["zip", makeZip],
  ["tar", makeTar],
  ["tar.gz", (entries) => gzipSync(makeTar(entries))],
];

describe.each(formats)("%s", (_, make) => {
  test("is unpacked with modes and links, and what it was is told", async () => {
    const bytes = make(good);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const { url } = await serveBytes(bytes);
    const { outcome } = await fetchArchive(`${url}/a`, "--target=src", `--sha256=${sha256}`);
    expect(outcome).toEqual({
      results: [
        { name: "digest", value: `sha256:${sha256}` },
        { name: "size", value: String(bytes.length) },
      ],
    });
    expect(await content("src", "app", "deep", "er", "x.txt")).toBe("x");
    expect((await lstat(bench.path("workspace", "src", "app", "run.sh"))).mode & 0o111).toBe(0o111);
    expect(await readlink(bench.path("workspace", "src", "app", "link"))).toBe("run.sh");
    expect(await listing()).toEqual([
      "src",
      "src/app",
      "src/app/deep",
      "src/app/deep/er",
      "src/app/deep/er/x.txt",
      "src/app/link",
      "src/app/run.sh",
    ]);
  });

  test.each<[string, ArchiveEntry[]]>([
    ["climbs", [{ name: "../outside.txt", content: "evil" }]],
    ["climbs in the middle", [{ name: "a/../../outside.txt", content: "evil" }]],
    [
      "writes through a link",
      [
        { name: "a", link: "..", type: "symlink" },
        { name: "a/../../outside.txt", content: "evil" },
      ],
    ],
  ])("that %s is refused", async (__, entries) => {
    const { url } = await serveBytes(make(entries));
    const { outcome } = await fetchArchive(`${url}/a`);
    expect(outcome.failure?.reason).toBe("ArchiveUnsafe");
    expect(await listing()).toEqual([]);
    await expect(lstat(bench.path("outside.txt"))).rejects.toThrow("ENOENT");
  });

  test("that writes into a link which leads out stays inside", async () => {
    await mkdir(bench.path("outside"));
    const entries: ArchiveEntry[] = [
      { name: "a", link: bench.path("outside"), type: "symlink" },
      { name: "a/file.txt", content: "evil" },
    ];
    const { url } = await serveBytes(make(entries));
    await fetchArchive(`${url}/a`);
    expect(await readdir(bench.path("outside"))).toEqual([]);
  });

  test("with an absolute name stays inside or is refused", async () => {
    const { url } = await serveBytes(make([{ name: `${bench.path("outside.txt")}`, content: "evil" }]));
    await fetchArchive(`${url}/a`);
    await expect(lstat(bench.path("outside.txt"))).rejects.toThrow("ENOENT");
  });

  test("that grows beyond a limit is ended", async () => {
    const bomb = make([{ name: "zeros", content: Buffer.alloc(3_000_000) }]);
    const { url } = await serveBytes(bomb);
    const byBytes = await fetchArchive(`${url}/a`, "--max-bytes=1000000");
    expect(byBytes.outcome.failure?.reason).toBe("SourceTooLarge");
    const many = make(Array.from({ length: 20 }, (__, index) => ({ name: `f${index}`, content: "x" })));
    const { url: manyUrl } = await serveBytes(many);
    const byFiles = await fetchArchive(`${manyUrl}/a`, "--max-files=10");
    expect(byFiles.outcome.failure?.reason).toBe("SourceTooLarge");
    expect(byFiles.outcome.failure?.message).toContain("config-build");
    expect(await listing()).toEqual([]);
  });

  test("that is cut off is refused", async () => {
    const bytes = make([
      ...good,
      { name: "big", content: Buffer.from(crypto.getRandomValues(new Uint8Array(50_000))) },
    ]);
    const { url } = await serveBytes(bytes.subarray(0, bytes.length / 2));
    expect((await fetchArchive(`${url}/a`)).outcome.failure?.reason).toBe("ArchiveInvalid");
    expect(await listing()).toEqual([]);
  });
});

test("a bomb is ended by how much it grows", async () => {
  for (const make of [makeZip, (entries: readonly ArchiveEntry[]) => gzipSync(makeTar(entries))]) {
    const { url } = await serveBytes(make([{ name: "zeros", content: Buffer.alloc(100_000_000) }]));
    const { outcome } = await fetchArchive(`${url}/a`);
    expect(outcome.failure?.reason).toBe("ArchiveUnsafe");
    expect(outcome.failure?.message).toContain("400 times");
  }
  expect(await listing()).toEqual([]);
});

test("a zip has no special files, no entry twice, and no file in a directory's place", async () => {
  for (const entries of [
    [{ name: "dev", type: "device" }],
    [{ name: "a" }, { name: "a" }],
    [{ name: "a" }, { name: "a/b" }],
  ] satisfies ArchiveEntry[][]) {
    const { url } = await serveBytes(makeZip(entries));
    expect((await fetchArchive(`${url}/a`)).outcome.failure?.reason).toBe("ArchiveUnsafe");
  }
});

test("what is no archive is refused", async () => {
  const { url } = await serveBytes(Buffer.from("<html>log in</html>"));
  expect((await fetchArchive(`${url}/a`)).outcome.failure).toMatchObject({
    reason: "ArchiveInvalid",
    message: expect.stringContaining("no zip, tar"),
  });
});

test("another checksum than asked for leaves nothing in the workspace", async () => {
  const { url } = await serveBytes(makeTar(good));
  const { outcome } = await fetchArchive(`${url}/a`, `--sha256=${"0".repeat(64)}`);
  expect(outcome.failure?.reason).toBe("ChecksumMismatch");
  expect(await listing()).toEqual([]);
});

describe("credentials", () => {
  test("in the URL go to its own server and not along a redirect", async () => {
    const foreign = await serveBytes(makeTar(good));
    const own = await serve((request, response) => {
      if (request.url === "/moved") response.writeHead(302, { location: `${foreign.url}/a` }).end();
      else response.writeHead(302, { location: "/moved" }).end();
    });
    const { exitCode, lines } = await fetchArchive(`${own.url.replace("//", "//ann:s3cret-word@")}/a`);
    expect(exitCode).toBe(0);
    const basic = `Basic ${Buffer.from("ann:s3cret-word").toString("base64")}`;
    expect(own.seen.map(({ authorization }) => authorization)).toEqual([basic, basic]);
    expect(foreign.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(lines.join()).not.toContain("s3cret-word");
  });

  test.each([
    [401, "CredentialsRefused"],
    [403, "CredentialsRefused"],
    [404, "SourceNotFound"],
    [418, "SourceRefused"],
  ])("HTTP %i is %s, asked once", async (status, reason) => {
    const { url, seen } = await serve((_, response) => response.writeHead(status).end("no"));
    expect((await fetchArchive(`${url}/a`)).outcome.failure?.reason).toBe(reason);
    expect(seen.length).toBe(1);
  });
});

describe("a server that fails", () => {
  test("is asked three times, and may come back", async () => {
    const bytes = makeTar(good);
    let asked = 0;
    const { url } = await serve((_, response) => {
      asked += 1;
      if (asked < 3) response.writeHead(503).end();
      else response.end(bytes);
    });
    expect((await fetchArchive(`${url}/a`)).exitCode).toBe(0);
    const dead = await serve((_, response) => response.writeHead(503).end());
    expect((await fetchArchive(`${dead.url}/a`)).outcome.failure?.reason).toBe("SourceUnreachable");
    expect(dead.seen.length).toBe(3);
  });

  test("by saying nothing counts as unreachable", async () => {
    const { url } = await serve(() => undefined);
    expect((await fetchArchive(`${url}/a`, "--stall-seconds=1")).outcome.failure).toMatchObject({
      reason: "SourceUnreachable",
      message: expect.stringContaining("no byte in 1 s"),
    });
  }, 20_000);

  test("by redirecting for ever is left", async () => {
    const { url, seen } = await serve((_, response) => response.writeHead(302, { location: "/again" }).end());
    expect((await fetchArchive(`${url}/a`)).outcome.failure?.reason).toBe("SourceMoved");
    expect(seen.length).toBe(6);
  });
});

describe("gs://", () => {
  test("goes to the endpoint, with the token, and the object's name as it is", async () => {
    const { url, seen } = await serveBytes(makeZip(good));
    await writeFile(bench.path("token"), "t0ken-value\n");
    const flags = [`--endpoint=${url}/base/`, `--token-file=${bench.path("token")}`];
    expect((await fetchArchive("gs://my-bucket/dir/a b.zip#12", ...flags)).outcome.failure?.reason).toBe(
      "SourceRefused",
    );
    expect((await fetchArchive("gs://my-bucket/dir/a%b.zip#12", ...flags)).exitCode).toBe(0);
    expect(seen).toEqual([{ url: "/base/my-bucket/dir/a%25b.zip?generation=12", authorization: "Bearer t0ken-value" }]);
  });

  test.each(["gs://", "gs://b", "gs://UPPER/x", "gs://bucket/../other/x", "s3://bucket/x", "file:///etc/passwd"])(
    "%s is refused",
    async (url) => expect((await fetchArchive(url)).outcome.failure?.reason).toBe("SourceRefused"),
  );

  test("a Manifest fetches each file, checked by its sum", async () => {
    const sha1 = createHash("sha1").update("one").digest("hex");
    let manifest: Record<string, unknown> = {
      "a/one.txt": { sourceUrl: "gs://bucket/one", sha1sum: sha1 },
      "two.txt": { sourceUrl: "gs://bucket/two", sha1Sum: "" },
    };
    const { url } = await serve((request, response) =>
      response.end(request.url === "/bucket/m.json" ? JSON.stringify(manifest) : request.url?.split("/").at(-1)),
    );
    const flags = [`--endpoint=${url}`, "--type=Manifest", "--target=src"];
    const run = await fetchArchive("gs://bucket/m.json", ...flags);
    expect(run.result("size")).toBe("6");
    expect([await content("src", "a", "one.txt"), await content("src", "two.txt")]).toEqual(["one", "two"]);

    manifest = { "x.txt": { sourceUrl: "gs://bucket/two", sha1sum: sha1 } };
    expect((await fetchArchive("gs://bucket/m.json", ...flags)).outcome.failure?.reason).toBe("ChecksumMismatch");
    manifest = { "../x.txt": { sourceUrl: "gs://bucket/two" } };
    expect((await fetchArchive("gs://bucket/m.json", ...flags)).exitCode).toBe(2);
    manifest = { "x.txt": {} };
    expect((await fetchArchive("gs://bucket/m.json", ...flags)).outcome.failure?.reason).toBe("ManifestInvalid");
  });
});

test("a target behind a link of an earlier source is refused", async () => {
  await mkdir(bench.path("outside"));
  await symlink("../outside", bench.path("workspace", "lib"));
  const { url } = await serveBytes(makeTar(good));
  expect((await fetchArchive(`${url}/a`, "--target=lib")).outcome.failure?.reason).toBe("PathUnsafe");
  expect(await readdir(bench.path("outside"))).toEqual([]);
});

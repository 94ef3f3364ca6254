import { describe, expect, test } from "@jest/globals";
import { AnyValue, IntOrString, KeyedList, MapOf, Preserved, StringEnum, Type, type TSchema } from "../meta/schema.ts";
import {
  customKinds,
  eventingKinds,
  makeCustomResourceDefinition,
  StructuralSchemaError,
  toStructuralSchema,
} from "./index.ts";

describe("structural schemas", () => {
  test.each([
    [Type.String({ description: "d" }), { description: "d", type: "string" }],
    [StringEnum(["a", "b"]), { type: "string", enum: ["a", "b"] }],
    [
      MapOf(Type.Integer({ format: "int32" })),
      { type: "object", additionalProperties: { type: "integer", format: "int32" } },
    ],
    [IntOrString(), { anyOf: [{ type: "integer" }, { type: "string" }], "x-kubernetes-int-or-string": true }],
    [AnyValue(), { "x-kubernetes-preserve-unknown-fields": true }],
    [Preserved(), { type: "object", "x-kubernetes-preserve-unknown-fields": true }],
    [
      Type.Object({ a: Type.String(), b: Type.Optional(Type.Array(Type.Boolean())) }),
      {
        type: "object",
        required: ["a"],
        properties: {
          a: { type: "string" },
          b: { type: "array", "x-kubernetes-list-type": "atomic", items: { type: "boolean" } },
        },
      },
    ],
    [
      KeyedList(Type.Object({ name: Type.Optional(Type.String()) }), "name"),
      {
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        items: { type: "object", required: ["name"], properties: { name: { type: "string" } } },
      },
    ],
    [
      KeyedList(Type.Object({ name: Type.Optional(Type.String({ default: "" })) }), "name"),
      {
        type: "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["name"],
        items: { type: "object", properties: { name: { type: "string", default: "" } } },
      },
    ],
  ] as [TSchema, object][])("%j", (schema, want) => {
    expect(toStructuralSchema(schema, "X")).toEqual(want);
  });

  test.each([
    [{ type: "object", patternProperties: {} }, 'X.spec: the keyword "patternProperties" has no place'],
    [{ type: "object", properties: { a: { const: 1, type: "integer" } } }, 'X.spec.a: the keyword "const"'],
    [{ type: "array", items: { anyOf: [] } }, "X.spec[]: anyOf is for IntOrString only"],
    [{ type: "object", additionalProperties: false }, "X.spec: additionalProperties must be a schema"],
    [{ type: "object", properties: {}, additionalProperties: { type: "string" } }, "X.spec: properties exclude"],
    [{ type: "array" }, "X.spec: an array must say its items"],
    [{ type: ["string", "null"] }, 'X.spec: ["string","null"] is not a type'],
    [{}, "X.spec: has no type"],
    [KeyedList(Type.Object({}), "name"), 'X.spec: the items have no field "name"'],
  ] as [TSchema, string][])("%j is refused by its place", (schema, want) => {
    expect(() => toStructuralSchema(schema, "X.spec")).toThrow(StructuralSchemaError);
    expect(() => toStructuralSchema(schema, "X.spec")).toThrow(want);
  });
});

describe.each([...customKinds, ...eventingKinds].map((kind) => [kind.kind, kind] as const))("%s", (_, kind) => {
  const definition = makeCustomResourceDefinition(kind);

  test("every field that is ours to explain is explained", () => {
    const silent = allSchemas(definition.spec)
      .filter(({ path, schema }) => isField(path) && schema["description"] === undefined)
      .map(({ path }) => path)
      .filter((path) => path !== ".metadata");
    expect(silent).toEqual([]);
  });

  test("has a status subresource and a table that says how it stands", () => {
    const [version] = definition.spec["versions"] as [
      { subresources: object; additionalPrinterColumns: { name: string }[] },
    ];
    expect(version.subresources).toEqual({ status: {} });
    const names = version.additionalPrinterColumns.map(({ name }) => name);
    const columns: Record<string, string[]> = { Build: ["Succeeded", "Reason"], BuildTemplate: ["Age"] };
    const wanted = columns[kind.kind.replace("Cluster", "")] ?? ["Ready", "Reason"];
    expect(names).toEqual(expect.arrayContaining(wanted));
    expect(definition.metadata.name).toBe(`${kind.plural}.${kind.group}`);
  });
});

test("what is applied item by item, and what only as a whole, is as in Knative", () => {
  const definition = makeCustomResourceDefinition(customKinds[0] as (typeof customKinds)[number]);
  const marked = (keyword: string, value: string): string[] =>
    allSchemas(definition.spec)
      .filter(({ schema }) => schema[keyword] === value)
      .map(({ path }) => path.replace(".spec.template.spec", "~").replace("~.initContainers", "~.containers"));
  expect([...new Set(marked("x-kubernetes-list-type", "map"))]).toEqual([
    "~.containers[].env",
    "~.containers[].volumeMounts",
    "~.volumes",
    "~.imagePullSecrets",
    ".status.conditions",
  ]);
  expect([...new Set(marked("x-kubernetes-map-type", "atomic"))]).toEqual([
    "~.containers[].env[].valueFrom.configMapKeyRef",
    "~.containers[].env[].valueFrom.secretKeyRef",
    "~.containers[].env[].valueFrom.fieldRef",
    "~.containers[].env[].valueFrom.resourceFieldRef",
    "~.containers[].envFrom[].configMapRef",
    "~.containers[].envFrom[].secretRef",
    "~.volumes[].configMap",
    "~.volumes[].projected.sources[].configMap",
    "~.volumes[].projected.sources[].secret",
    "~.nodeSelector",
  ]);
});

test("short names and columns are Knative's", () => {
  const table = [...customKinds, ...eventingKinds].map(({ kind, shortNames, printerColumns }) => [
    kind,
    shortNames.toSorted().join(","),
    printerColumns.map(({ name }) => name).join(","),
  ]);
  expect(table).toEqual([
    ["Service", "kservice,ksvc", "URL,LatestCreated,LatestReady,Ready,Reason"],
    ["Configuration", "cfg,config", "LatestCreated,LatestReady,Ready,Reason"],
    ["Revision", "rev", "Config Name,Generation,Ready,Reason,Actual Replicas,Desired Replicas"],
    ["Route", "rt", "URL,Ready,Reason"],
    ["PodAutoscaler", "kpa,pa", "DesiredScale,ActualScale,Ready,Reason"],
    ["Ingress", "king,kingress", "Ready,Reason"],
    ["Build", "", "Succeeded,Reason,StartTime,CompletionTime"],
    ["BuildTemplate", "", "Age"],
    ["ClusterBuildTemplate", "", "Age"],
    ["Broker", "", "URL,Age,Ready,Reason"],
    ["Trigger", "", "Broker,Subscriber_URI,Age,Ready,Reason"],
    ["EventType", "", "Type,Source,Schema,Reference Name,Reference Kind,Description,Ready,Reason"],
    ["Channel", "ch", "URL,Age,Ready,Reason"],
    ["Subscription", "sub", "Age,Ready,Reason"],
    ["InMemoryChannel", "imc", "URL,Age,Ready,Reason"],
    ["Bus", "", "Age,Ready,Reason"],
    ["ClusterBus", "cbus", "Age,Ready,Reason"],
    ["Channel", "", "Bus,ClusterBus,Domain,Age,Ready,Reason"],
    ["Subscription", "", "Channel,Subscriber,Age,Ready,Reason"],
  ]);
});

test("what takes events can be found by its labels", () => {
  const labelled = (label: string): string[] =>
    eventingKinds.filter(({ labels }) => labels[label] === "true").map(({ kind }) => kind);
  expect(labelled("duck.knative.dev/addressable")).toEqual(["Broker", "Channel", "InMemoryChannel", "Channel"]);
  expect(labelled("messaging.knative.dev/subscribable")).toEqual(["Channel", "InMemoryChannel"]);
  expect(labelled("knative.dev/crd-install")).toHaveLength(eventingKinds.length);
});

test("a kind may be served in several versions, of which one is stored", () => {
  const eventType = eventingKinds.find(({ kind }) => kind === "EventType");
  const { spec } = makeCustomResourceDefinition(eventType as (typeof eventingKinds)[number]);
  const versions = spec["versions"] as { name: string; served: boolean; storage: boolean }[];
  expect(versions.map(({ name, served, storage }) => [name, served, storage])).toEqual([
    ["v1beta1", true, false],
    ["v1beta2", true, true],
    ["v1beta3", true, false],
  ]);
});

interface Place {
  readonly path: string;
  readonly schema: Record<string, unknown>;
}

function isField(path: string): boolean {
  return !path.endsWith("[]") && !path.endsWith(".*");
}

function allSchemas(spec: Record<string, unknown>): Place[] {
  const [version] = spec["versions"] as [{ schema: { openAPIV3Schema: Record<string, unknown> } }];
  return walk({ path: "", schema: version.schema.openAPIV3Schema });
}

function walk(place: Place): Place[] {
  const { path, schema } = place;
  const {
    properties = {},
    items,
    additionalProperties,
  } = schema as {
    properties?: Record<string, Record<string, unknown>>;
    items?: Record<string, unknown>;
    additionalProperties?: Record<string, unknown>;
  };
  return [
    place,
    ...Object.entries(properties).flatMap(([name, child]) => walk({ path: `${path}.${name}`, schema: child })),
    ...(items === undefined ? [] : walk({ path: `${path}[]`, schema: items })),
    ...(additionalProperties === undefined ? [] : walk({ path: `${path}.*`, schema: additionalProperties })),
  ];
}

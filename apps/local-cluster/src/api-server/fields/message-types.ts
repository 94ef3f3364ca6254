import { kubernetesFields } from "./kubernetes-fields.generated.ts";

// The fields of the built-in kinds: what protobuf bodies, strategic merge, server-side apply and strict validation have
// to know about them. One line of the generated table is one message; a line is read when its message is first asked for.
//
//   # core v1                            a package: what follows is `core.…` elsewhere, and served as apiVersion v1
//   *Pod metadata:1meta.ObjectMeta …     name, then name:number type. Before the name: `*` a kind, `&` applied as a whole,
//                                        `|` a union (the JSON is one of its fields), `=` a named list (the JSON is `items`)
//   :1LocalObjectReference               no name: its fields stand in the JSON of this message
//   env:7[EnvVar data:2{s                `[` a list, `{` a map, `*` a pointer: its zero is a value, not an absence
//   key:2s!                              written to JSON even when zero
//   ports:6[ContainerPort~containerPort  `~` strategic merge, by this key; without one, as a set
//   strategy:4DeploymentStrategy^        `^` the patch says which fields stay
//   #containerPort,protocol              server-side apply: a list with these keys; without any, a set
//   selector:2{s&                        server-side apply: as a whole
//   protocol:4s="TCP"                    what an absent key field means

/**
 * The JSON of a field that is no message: string, boolean, 32 and 64 bit integer, number, bytes, quantity, int or string,
 * time, time with microseconds, duration, raw JSON.
 */
export type ScalarType = "s" | "b" | "i" | "l" | "n" | "y" | "q" | "o" | "t" | "u" | "d" | "r";

export interface Field {
  /** As in JSON; empty for a message whose fields stand in its parent. */
  readonly name: string;
  readonly number: number;
  readonly shape: "single" | "list" | "map";
  /** Of the field, or of its items. */
  readonly type: ScalarType | MessageType;
  /** Zero and absent differ. */
  readonly isPointer: boolean;
  /** Go clients write it even when it is zero. */
  readonly isRequired: boolean;
  /** How a strategic merge patch treats it; a list without `mergeKey` is merged as a set. Absent: lists are replaced. */
  readonly merge: { readonly mergeKey?: string } | undefined;
  readonly retainsKeys: boolean;
  /** What server-side apply owns: items by their keys, items as a set, or (lists without either) the whole. */
  readonly listType: "map" | "set" | "atomic" | undefined;
  readonly listMapKeys: readonly string[];
  readonly isAtomic: boolean;
  readonly default: unknown;
}

export interface MessageType {
  readonly name: string;
  /** Of the package it is declared in, such as `apps/v1`. */
  readonly apiVersion: string;
  readonly isKind: boolean;
  readonly isAtomic: boolean;
  readonly json: "object" | "union" | "list";
  readonly byNumber: ReadonlyMap<number, Field>;
  /** As they stand in JSON: inlined messages are dissolved. Kinds have `apiVersion` and `kind` besides. */
  readonly byName: ReadonlyMap<string, Field>;
}

interface Package {
  readonly id: string;
  readonly apiVersion: string;
  readonly lines: Map<string, string>;
  readonly types: Map<string, MessageType>;
}

let packages: Map<string, Package> | undefined;

/** The type of a kind as it is served; `undefined` when the table has no such kind. */
export function findKindType(apiVersion: string, kind: string): MessageType | undefined {
  packages ??= readPackages();
  for (const found of packages.values()) {
    if (found.apiVersion !== apiVersion) continue;
    const type = findType(found, kind);
    if (type?.isKind === true) return type;
  }
  // Options are sent under the group they are used for.
  if (kind === "DeleteOptions") return findType(packages.get("meta"), kind);
  return undefined;
}

/** Whether the table has kinds of the group at all. */
export function hasGroup(apiVersion: string): boolean {
  packages ??= readPackages();
  const group = groupOf(apiVersion);
  return [...packages.values()].some((found) => groupOf(found.apiVersion) === group);
}

function groupOf(apiVersion: string): string {
  return apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
}

function readPackages(): Map<string, Package> {
  const found = new Map<string, Package>();
  let lines = new Map<string, string>();
  for (const line of kubernetesFields.split("\n")) {
    const [, id, apiVersion] = /^# (\S+) (\S+)$/.exec(line) ?? [];
    if (id !== undefined && apiVersion !== undefined) {
      lines = new Map();
      found.set(id, { id, apiVersion, lines, types: new Map() });
    } else if (line !== "") lines.set(/\w+/.exec(line)?.[0] ?? "", line);
  }
  return found;
}

function findType(home: Package | undefined, name: string): MessageType | undefined {
  if (home === undefined) return undefined;
  const known = home.types.get(name);
  const line = home.lines.get(name);
  if (known !== undefined || line === undefined) return known;
  const made = parseMessage(home, line);
  home.types.set(name, made);
  return made;
}

function parseMessage(home: Package, line: string): MessageType {
  const [head = "", ...tokens] = line.split(" ");
  const fields = tokens.map((token) => parseField(home, token));
  const byNumber = new Map(fields.map((field) => [field.number, field]));
  let byName: Map<string, Field> | undefined;
  return {
    name: head.replace(/^\W+/, ""),
    apiVersion: home.apiVersion,
    isKind: head.includes("*"),
    isAtomic: head.includes("&"),
    json: head.includes("|") ? "union" : head.includes("=") ? "list" : "object",
    byNumber,
    get byName() {
      byName ??= new Map(fields.flatMap(dissolve));
      return byName;
    },
  };
}

function dissolve(field: Field): (readonly [string, Field])[] {
  if (field.name !== "" || typeof field.type === "string") return [[field.name, field]];
  return [...field.type.byName];
}

const fieldPattern =
  /^(?<name>[\w$-]*):(?<number>\d+)(?<shape>[[{*]?)(?<type>[\w.]+)(?<required>!?)(?:~(?<mergeKey>\w*))?(?<retains>\^?)(?:#(?<keys>[\w,]*))?(?<atomic>&?)(?:=(?<fallback>.*))?$/;
const shapes: Readonly<Record<string, Field["shape"]>> = { "[": "list", "{": "map" };

function parseField(home: Package, token: string): Field {
  const groups: Readonly<Record<string, string | undefined>> = fieldPattern.exec(token)?.groups ?? {};
  const { name = "", number, shape = "", type = "", mergeKey, keys, fallback } = groups;
  // Types refer to each other in circles, so each is looked up when it is first needed.
  let resolved: Field["type"] | undefined;
  return {
    name,
    number: Number(number),
    shape: shapes[shape] ?? "single",
    get type() {
      resolved ??= typeNamed(home, type);
      return resolved;
    },
    isPointer: shape === "*",
    isRequired: groups["required"] === "!",
    merge: mergeKey === undefined ? undefined : mergeOf(mergeKey),
    retainsKeys: groups["retains"] === "^",
    listType: shape === "[" ? listTypeOf(keys) : undefined,
    listMapKeys: keys?.match(/\w+/g) ?? [],
    isAtomic: groups["atomic"] === "&",
    default: fallback === undefined ? undefined : JSON.parse(fallback),
  };
}

function mergeOf(mergeKey: string): Field["merge"] {
  return mergeKey === "" ? {} : { mergeKey };
}

function listTypeOf(keys: string | undefined): Field["listType"] {
  if (keys === undefined) return "atomic";
  return keys === "" ? "set" : "map";
}

function typeNamed(home: Package, name: string): ScalarType | MessageType {
  if (isScalarType(name)) return name;
  const [id, inner] = name.includes(".") ? name.split(".") : [home.id, name];
  const type = findType(packages?.get(id ?? ""), inner ?? "");
  if (type === undefined) throw new Error(`the table of fields has no message ${name}`);
  return type;
}

function isScalarType(name: string): name is ScalarType {
  return /^[a-z]$/.test(name);
}

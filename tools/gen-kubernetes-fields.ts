import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

// Writes the local cluster's table of fields of the built-in kinds from the sources of three Go modules:
//   cd /tmp && for m in api apimachinery apiextensions-apiserver; do
//     GOFLAGS=-mod=mod GOPATH=/tmp/go go mod download k8s.io/$m@v0.34.1; done
//   node tools/gen-kubernetes-fields.ts /tmp/go/pkg/mod/k8s.io
// generated.proto gives the numbers and types, the Go structs the JSON names, the pointers and the merge attributes.
// Only these facts are taken over. Not part of `npm run check`, as it needs Go and the network; run it to follow a new
// version of Kubernetes. The notation of the table is explained where it is read: fields/message-types.ts.

const moduleVersion = "v0.34.1";
const target = new URL("../apps/local-cluster/src/api-server/fields/kubernetes-fields.generated.ts", import.meta.url);

/** A short name for each package, its apiVersion, and where it is. */
const packages: readonly (readonly [id: string, apiVersion: string, folder: string])[] = [
  ["core", "v1", "api/core/v1"],
  ["meta", "meta.k8s.io/v1", "apimachinery/pkg/apis/meta/v1"],
  ["admissionregistration", "admissionregistration.k8s.io/v1", "api/admissionregistration/v1"],
  ["apiextensions", "apiextensions.k8s.io/v1", "apiextensions-apiserver/pkg/apis/apiextensions/v1"],
  ["apps", "apps/v1", "api/apps/v1"],
  ["authentication", "authentication.k8s.io/v1", "api/authentication/v1"],
  ["authorization", "authorization.k8s.io/v1", "api/authorization/v1"],
  ["autoscaling1", "autoscaling/v1", "api/autoscaling/v1"],
  ["autoscaling2", "autoscaling/v2", "api/autoscaling/v2"],
  ["batch", "batch/v1", "api/batch/v1"],
  ["coordination", "coordination.k8s.io/v1", "api/coordination/v1"],
  ["discovery", "discovery.k8s.io/v1", "api/discovery/v1"],
  ["events", "events.k8s.io/v1", "api/events/v1"],
  ["networking", "networking.k8s.io/v1", "api/networking/v1"],
  ["policy", "policy/v1", "api/policy/v1"],
  ["rbac", "rbac.authorization.k8s.io/v1", "api/rbac/v1"],
  ["scheduling", "scheduling.k8s.io/v1", "api/scheduling/v1"],
  ["storage", "storage.k8s.io/v1", "api/storage/v1"],
];

/** Types whose JSON is no object of their fields, by their letter in the table. */
const letters: Readonly<Record<string, string>> = {
  string: "s",
  bool: "b",
  int32: "i",
  int64: "l",
  double: "n",
  bytes: "y",
  "k8s.io.apimachinery.pkg.api.resource.Quantity": "q",
  "k8s.io.apimachinery.pkg.util.intstr.IntOrString": "o",
  "k8s.io.apimachinery.pkg.apis.meta.v1.Time": "t",
  "k8s.io.apimachinery.pkg.apis.meta.v1.MicroTime": "u",
  "k8s.io.apimachinery.pkg.apis.meta.v1.Duration": "d",
  "k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1": "r",
  "k8s.io.apimachinery.pkg.runtime.RawExtension": "r",
  "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSON": "r",
};

interface GoField {
  readonly jsonName: string | undefined;
  readonly isInline: boolean;
  readonly isPointer: boolean;
  readonly isOmittedWhenZero: boolean;
  readonly patchStrategy: string;
  readonly patchMergeKey: string | undefined;
  readonly markers: readonly string[];
}

interface GoStruct {
  readonly isKind: boolean;
  readonly markers: readonly string[];
  readonly byNumber: Map<number, GoField>;
}

interface ProtoField {
  readonly number: number;
  readonly name: string;
  readonly shape: "" | "[" | "{";
  /** A scalar, or a message by its full name. */
  readonly type: string;
}

interface Message {
  readonly fullName: string;
  readonly name: string;
  readonly packageId: string;
  readonly fields: readonly ProtoField[];
  /** Absent for a named list: a message on the wire, a bare list in JSON. */
  readonly struct: GoStruct | undefined;
}

const modules = process.argv[2];
if (modules === undefined)
  throw new Error("usage: gen-kubernetes-fields.ts <folder of the modules, .../pkg/mod/k8s.io>");
const messages = new Map<string, Message>();
for (const [packageId, , folder] of packages) readPackage(packageId, folderOf(modules, folder));
const reached = reachFromKinds();
writeFileSync(target, render(reached));
console.log(`${target.pathname}: ${reached.size} messages`);

function folderOf(root: string, folder: string): string {
  const [module = "", ...rest] = folder.split("/");
  return join(root, `${module}@${moduleVersion}`, ...rest);
}

function readPackage(packageId: string, folder: string): void {
  const structs = new Map<string, GoStruct>();
  for (const file of readdirSync(folder)) {
    if (!file.endsWith(".go") || /_test\.go$|^zz_|\.pb\.go$|swagger_doc/.test(file)) continue;
    for (const [name, struct] of readStructs(readFileSync(join(folder, file), "utf8"))) structs.set(name, struct);
  }
  const proto = readFileSync(join(folder, "generated.proto"), "utf8");
  const scope = /^package ([\w.]+);/m.exec(proto)?.[1] ?? "";
  for (const [, name = "", body = ""] of proto.matchAll(/^message (\w+) \{\n([\s\S]*?)^\}/gm)) {
    const fields = [...body.matchAll(/^ {2}(optional|repeated|map<string, (.+)>) ?(\S+)? (\w+) = (\d+);/gm)].map(
      ([, label = "", mapType, type, field = "", number]): ProtoField => ({
        number: Number(number),
        name: field,
        shape: mapType !== undefined ? "{" : label === "repeated" ? "[" : "",
        type: fullNameOf(scope, mapType ?? type ?? ""),
      }),
    );
    messages.set(`${scope}.${name}`, {
      fullName: `${scope}.${name}`,
      name,
      packageId,
      fields,
      struct: structs.get(name),
    });
  }
}

function fullNameOf(scope: string, type: string): string {
  if (type.startsWith(".")) return type.slice(1);
  return letters[type] === undefined ? `${scope}.${type}` : type;
}

function readStructs(source: string): Map<string, GoStruct> {
  const structs = new Map<string, GoStruct>();
  let markers: string[] = [];
  let struct: { isKind: boolean; markers: readonly string[]; byNumber: Map<number, GoField> } | undefined;
  for (const line of source.split("\n")) {
    const marker = /^\s*\/\/\s*\+(\S+)/.exec(line)?.[1];
    if (marker !== undefined) markers.push(marker);
    if (/^\s*(\/\/.*)?$/.test(line)) continue;
    const [, name, isEmpty] = /^type (\w+) struct ?\{(\})?/.exec(line) ?? [];
    if (name !== undefined) {
      struct = { isKind: false, markers, byNumber: new Map() };
      structs.set(name, struct);
      if (isEmpty !== undefined) struct = undefined;
    } else if (line === "}") struct = undefined;
    else if (struct !== undefined) {
      if (/^\t(metav1\.|v1\.)?TypeMeta `json:",inline"`/.test(line)) struct.isKind = true;
      readGoField(struct.byNumber, line, markers);
    }
    markers = [];
  }
  return structs;
}

function readGoField(byNumber: Map<number, GoField>, line: string, markers: readonly string[]): void {
  const [, type = "", tags = ""] = /^\t[\w.]+\s+(\S+)?\s*`(.*)`/.exec(line) ?? [];
  const number = tagOf(tags, "protobuf")?.split(",")[1];
  if (number === undefined) return;
  const [jsonName, ...options] = tagOf(tags, "json")?.split(",") ?? [];
  byNumber.set(Number(number), {
    jsonName: jsonName === "" || jsonName === "-" ? undefined : jsonName,
    isInline: options.includes("inline"),
    isPointer: type.startsWith("*"),
    isOmittedWhenZero: options.includes("omitempty"),
    patchStrategy: tagOf(tags, "patchStrategy") ?? "",
    patchMergeKey: tagOf(tags, "patchMergeKey"),
    markers,
  });
}

function tagOf(tags: string, name: string): string | undefined {
  return new RegExp(`(?:^| )${name}:"([^"]*)"`).exec(tags)?.[1];
}

/** What a request body can hold: the kinds but their lists, DeleteOptions, and everything inside them. */
function reachFromKinds(): Set<string> {
  const found = new Set<string>();
  const waiting = [...messages.values()].filter(isBody).map(({ fullName }) => fullName);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name) || letters[name] !== undefined) continue;
    const message = messages.get(name);
    if (message === undefined) throw new Error(`${name} is in none of the packages`);
    found.add(name);
    waiting.push(...message.fields.map(({ type }) => type));
  }
  return found;
}

function isBody({ name, packageId, struct }: Message): boolean {
  if (struct?.isKind !== true) return false;
  return packageId === "meta"
    ? name === "DeleteOptions"
    : !/(List|Options)$/.test(name) && name !== "SerializedReference";
}

function render(names: ReadonlySet<string>): string {
  const sections = packages.map(([id, apiVersion]) => {
    const lines = [...messages.values()]
      .filter(({ packageId, fullName }) => packageId === id && names.has(fullName))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map(renderMessage);
    return [`# ${id} ${apiVersion}`, ...lines].join("\n");
  });
  const versions = ["api", "apimachinery", "apiextensions-apiserver"].map((name) => `k8s.io/${name} ${moduleVersion}`);
  return `// Generated by tools/gen-kubernetes-fields.ts from ${versions.join(", ")}. Do not edit.
/* oxlint-disable max-lines -- a table */
export const kubernetesFields: string = \`
${sections.join("\n")}
\`;
`;
}

function renderMessage(message: Message): string {
  const { name, fields, struct } = message;
  if (struct === undefined) {
    if (fields[0]?.name !== "items" || fields.length !== 1) throw new Error(`${message.fullName} has no Go struct`);
    return [`=${name}`, ...fields.map((field) => `items:${field.number}[${typeOf(field, message)}`)].join(" ");
  }
  const sigils = [
    struct.isKind ? "*" : "",
    name.startsWith("JSONSchemaPropsOr") ? "|" : "",
    struct.markers.some(isAtomicMarker) ? "&" : "",
  ];
  return [sigils.join("") + name, ...fields.map((field) => renderField(field, message))].join(" ");
}

function renderField(field: ProtoField, message: Message): string {
  const go = message.struct?.byNumber.get(field.number);
  if (go === undefined) throw new Error(`${message.fullName}.${field.name} has no Go field of number ${field.number}`);
  const name = go.isInline ? "" : (go.jsonName ?? field.name);
  const pointer = go.isPointer ? "*" : "";
  return `${name}:${field.number}${field.shape || pointer}${typeOf(field, message)}${attributesOf(field, go)}`;
}

function typeOf({ type, name }: ProtoField, { packageId, fullName }: Message): string {
  const letter = letters[type];
  if (letter !== undefined) return letter;
  const found = messages.get(type);
  if (found === undefined) throw new Error(`${fullName}.${name}: ${type} is in none of the packages`);
  return found.packageId === packageId ? found.name : `${found.packageId}.${found.name}`;
}

function attributesOf({ shape }: ProtoField, go: GoField): string {
  const strategies = go.patchStrategy.split(",");
  const keys = go.markers.flatMap((marker) => /^listMapKey=(\w+)/.exec(marker)?.[1] ?? []);
  const fallback = go.markers.flatMap((marker) => /^default=("\S*"|\d+|true|false)$/.exec(marker)?.[1] ?? []);
  return [
    go.isOmittedWhenZero || go.isInline || shape !== "" ? "" : "!",
    strategies.includes("merge") ? `~${go.patchMergeKey ?? ""}` : "",
    strategies.includes("retainKeys") ? "^" : "",
    keys.length > 0 || go.markers.includes("listType=set") ? `#${keys.join(",")}` : "",
    shape !== "[" && go.markers.some(isAtomicMarker) ? "&" : "",
    fallback.length > 0 ? `=${fallback[0]}` : "",
  ].join("");
}

function isAtomicMarker(marker: string): boolean {
  return marker === "structType=atomic" || marker === "mapType=atomic";
}

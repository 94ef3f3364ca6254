import { dns1123LabelProblems } from "../../meta/dns-names.ts";
import { fieldError, invalidValue, multipleOneOf, viaField, type FieldError } from "../../meta/field-error.ts";
import type { Source } from "./source.types.ts";

/** What is wrong with how several sources stand beside each other: the first thing only, as v0.7 says it. */
export function validateSources(sources: readonly Source[]): FieldError[] {
  const [first] = sourceListErrors(sources);
  return first === undefined ? sources.flatMap((source) => viaField(validateSource(source), "sources")) : [first];
}

function* sourceListErrors(sources: readonly Source[]): Iterable<FieldError> {
  // Two sources without a name have the same one.
  const names = sources.map(({ name = "" }) => name);
  if (new Set(names).size < names.length) yield multipleOneOf("sources.name");
  if (sources.filter(({ subPath = "" }) => subPath !== "").length > 1) yield multipleOneOf("sources.subpath");
  const withoutTarget = sources.filter(({ custom, targetPath = "" }) => custom === undefined && targetPath === "");
  if (withoutTarget.length > 1) yield invalidValue("Empty Target Path", "sources.targetPath");
  for (const { custom, targetPath = "" } of sources) {
    if (custom !== undefined && targetPath !== "") yield invalidValue(targetPath, "sources.targetPath");
  }
  const targets = sources.map(({ targetPath = "" }) => targetPath).filter((path) => path !== "");
  if (haveOverlap(targets)) yield fieldError("Overlapping Target Paths", ["sources.targetPath"]);
}

/** Whether one of the paths is within another, or the same. Compared by components; outer slashes do not count. */
export function haveOverlap(paths: readonly string[]): boolean {
  const split = paths.map((path) => path.replace(/^\/+|\/+$/g, "").split("/"));
  return split.some((one, index) => split.slice(index + 1).some((other) => isPrefix(one, other)));
}

function isPrefix(one: readonly string[], other: readonly string[]): boolean {
  return Array.from({ length: Math.min(one.length, other.length) }).every((_, index) => one[index] === other[index]);
}

/** What would be unsafe in one source: options where values belong, and ways out of the workspace. */
export function validateSource(source: Source): FieldError[] {
  const { git, archive, image, gcs, name = "", subPath = "", targetPath = "" } = source;
  return [
    ...validateName(name),
    ...viaField(
      git === undefined ? [] : [...validateGitUrl(git.url ?? ""), ...noOption(git.revision, "revision")],
      "git",
    ),
    ...viaField(archive === undefined ? [] : validateArchive(archive), "archive"),
    ...viaField(noOption(image?.reference, "reference"), "image"),
    ...viaField(validateBucket(gcs?.location ?? ""), "gcs"),
    ...validateInnerPath(subPath, "subPath"),
    ...validateInnerPath(targetPath, "targetPath"),
  ];
}

function validateName(name: string): FieldError[] {
  // The longest that is put before a name, so that a container's name stays within 63 characters.
  const problems = name === "" ? [] : dns1123LabelProblems(`build-step-archive-source-${name}`);
  return problems.length === 0
    ? []
    : [invalidValue(name, "name", "must be a DNS label of at most 37 characters, for containers are named after it")];
}

const urlSchemes = ["https", "http", "ssh", "git+ssh"];

function validateGitUrl(url: string): FieldError[] {
  if (url === "" || url.includes("${")) return [];
  const errors = noOption(url, "url");
  if (errors.length > 0) return errors;
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1]?.toLowerCase();
  const isAllowed = scheme === undefined ? isScpLike(url) : urlSchemes.includes(scheme);
  return isAllowed ? [] : [invalidValue(url, "url", "must be https://, http://, ssh:// or user@host:path")];
}

// host:path, but never transport::address, which makes git run a program of that name.
function isScpLike(url: string): boolean {
  return /^([\w.-]+@)?[\w.-]+:(?!:)[^\s]+$/.test(url);
}

function validateArchive({ url = "", sha256 = "" }: { url?: string; sha256?: string }): FieldError[] {
  const errors = noOption(url, "url");
  if (errors.length === 0 && url !== "" && !/^https?:\/\//i.test(url)) {
    errors.push(invalidValue(url, "url", "must be http:// or https://"));
  }
  if (sha256 !== "" && !/^[0-9a-f]{64}$/i.test(sha256)) {
    errors.push(invalidValue(sha256, "sha256", "must be 64 hexadecimal digits"));
  }
  return errors;
}

function validateBucket(location: string): FieldError[] {
  if (location === "") return [];
  return /^gs:\/\/[^/\s]+\/[^\s]+$/.test(location) && !hasControl(location)
    ? []
    : [invalidValue(location, "location", "must be gs://bucket/object")];
}

/** A value that programs would take for an option, or that breaks out of a line. */
function noOption(value: string | undefined, path: string): FieldError[] {
  if (value === undefined || value === "") return [];
  if (value.startsWith("-")) return [invalidValue(value, path, "must not begin with a dash: it would be an option")];
  return hasControl(value) ? [invalidValue(JSON.stringify(value), path, "must not have control characters")] : [];
}

/** What is wrong with a path that must stay below the workspace. The slashes around it do not count. */
export function validateInnerPath(path: string, field: string): FieldError[] {
  if (path === "") return [];
  const parts = path.replace(/^\/+|\/+$/g, "").split("/");
  const isInside = parts.every((part) => part !== "" && part !== "." && part !== "..") && !path.includes("\\");
  if (!isInside) return [invalidValue(path, field, "must be a path below the workspace, without . and ..")];
  return noOption(path, field);
}

function hasControl(value: string): boolean {
  // oxlint-disable-next-line eslint/no-control-regex -- finding them is the point
  return /[\u0000-\u001f\u007f]/.test(value);
}

import type { Dirent } from "node:fs";
import { readdir, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isDigest, syncPath, type ContentStore, type Descriptor } from "@kelvin/oci/content";
import type { Clock } from "../clock.ts";
import { digestPath, findText, ifMissing, type DurableFiles } from "./durable-file.ts";

/** What a repository has: names of content that is kept once for all repositories. */
export interface Repositories {
  /** The size of a blob that the repository has, or undefined. */
  findBlob(repository: string, digest: string): Promise<number | undefined>;
  /** Puts off the collection of a blob for another grace; false when the repository has it not. */
  touchBlob(repository: string, digest: string): Promise<boolean>;
  /** Makes a blob that is in the store one of the repository's; false when the store has it not. */
  linkBlob(repository: string, digest: string): Promise<boolean>;
  /** Whether there was something to unlink. */
  unlinkBlob(repository: string, digest: string): Promise<boolean>;
  findManifest(repository: string, digest: string): Promise<StoredManifest | undefined>;
  /** Makes a manifest that is in the store one of the repository's; false when the store has it not. */
  linkManifest(repository: string, manifest: StoredManifest): Promise<boolean>;
  unlinkManifest(repository: string, digest: string): Promise<boolean>;
  manifests(repository: string): Promise<string[]>;
  blobs(repository: string): Promise<string[]>;
  /** The digest that a tag names. */
  findTag(repository: string, tag: string): Promise<string | undefined>;
  putTag(repository: string, tag: { readonly name: string; readonly digest: string }): Promise<void>;
  deleteTag(repository: string, tag: string): Promise<boolean>;
  /** In order; undefined when there is no such repository. */
  tags(repository: string): Promise<string[] | undefined>;
  addReferrer(repository: string, subject: string, referrer: Referrer): Promise<void>;
  referrers(repository: string, subject: string): Promise<Referrer[]>;
  removeReferrer(repository: string, subject: string, digest: string): Promise<void>;
  /** Names of all repositories that have manifests, or anything, in order. */
  names(having: "manifests" | "any"): Promise<string[]>;
  /** Where the note is that a repository has a blob; its time says when it was last asked for. */
  blobLink(repository: string, digest: string): string;
}

/** A manifest as a repository knows it. */
export interface StoredManifest {
  readonly digest: string;
  readonly mediaType: string;
  /** What it refers to, where it does. */
  readonly subject?: string;
}

/** What the referrers API lists. */
export type Referrer = Descriptor & { readonly artifactType?: string };

/** What repositories are kept with. */
export interface RepositoriesDeps {
  readonly content: ContentStore;
  readonly files: DurableFiles;
  readonly clock: Clock;
}

/** Opens the repositories below a directory. Parts of names never begin with `_`, so our own folders meet none. */
export function openRepositories(directory: string, { content, files, clock }: RepositoriesDeps): Repositories {
  const of = (repository: string, ...rest: string[]): string => join(directory, ...repository.split("/"), ...rest);
  const blobLink = (repository: string, digest: string): string => digestPath(of(repository, "_blobs"), digest);
  const manifestLink = (repository: string, digest: string): string => digestPath(of(repository, "_manifests"), digest);
  const referrerDirectory = (repository: string, subject: string): string =>
    digestPath(of(repository, "_referrers"), subject);
  const touch = (path: string): Promise<boolean> => touchFile(path, clock.nowMs());
  return {
    blobLink,
    async findBlob(repository, digest) {
      if ((await stat(blobLink(repository, digest)).catch(ifMissing)) === undefined) return undefined;
      return (await stat(content.pathOf(digest)).catch(ifMissing))?.size;
    },
    touchBlob: async (repository, digest) =>
      (await touch(blobLink(repository, digest))) && (await touch(content.pathOf(digest))),
    async linkBlob(repository, digest) {
      // Touched first: from now on a collection leaves it for a grace, in which the link is made.
      if (!(await touch(content.pathOf(digest)))) return false;
      await files.write(blobLink(repository, digest), "");
      return true;
    },
    unlinkBlob: (repository, digest) => remove(blobLink(repository, digest)),
    async findManifest(repository, digest) {
      const text = await findText(manifestLink(repository, digest));
      return text === undefined ? undefined : { ...(JSON.parse(text) as Omit<StoredManifest, "digest">), digest };
    },
    async linkManifest(repository, { digest, mediaType, subject }) {
      if (!(await touch(content.pathOf(digest)))) return false;
      const note = { mediaType, ...(subject === undefined ? {} : { subject }) };
      await files.write(manifestLink(repository, digest), JSON.stringify(note));
      return true;
    },
    unlinkManifest: (repository, digest) => remove(manifestLink(repository, digest)),
    manifests: (repository) => listDigests(of(repository, "_manifests")),
    blobs: (repository) => listDigests(of(repository, "_blobs")),
    findTag: (repository, tag) => findText(of(repository, "_tags", tag)),
    putTag: (repository, { name, digest }) => files.write(of(repository, "_tags", name), digest),
    deleteTag: (repository, tag) => remove(of(repository, "_tags", tag)),
    async tags(repository) {
      const known = await readdir(of(repository)).catch(ifMissing);
      if (known?.some((name) => name.startsWith("_")) !== true) return undefined;
      return ((await readdir(of(repository, "_tags")).catch(ifMissing)) ?? []).toSorted();
    },
    addReferrer: (repository, subject, referrer) =>
      files.write(digestPath(referrerDirectory(repository, subject), referrer.digest), JSON.stringify(referrer)),
    async referrers(repository, subject) {
      const directoryOfSubject = referrerDirectory(repository, subject);
      const digests = await listDigests(directoryOfSubject);
      const texts = await Promise.all(digests.map((digest) => findText(digestPath(directoryOfSubject, digest))));
      return texts.flatMap((text) => (text === undefined ? [] : [JSON.parse(text) as Referrer]));
    },
    async removeReferrer(repository, subject, digest) {
      await remove(digestPath(referrerDirectory(repository, subject), digest));
    },
    async names(having) {
      const marker = having === "manifests" ? /^_manifests$/ : /^_/;
      return (await listRepositories("", { directory, marker })).toSorted();
    },
  };
}

async function touchFile(path: string, nowMs: number): Promise<boolean> {
  try {
    await utimes(path, nowMs / 1000, nowMs / 1000);
    return true;
  } catch (error) {
    ifMissing(error);
    return false;
  }
}

async function remove(path: string): Promise<boolean> {
  try {
    await rm(path);
  } catch (error) {
    ifMissing(error);
    return false;
  }
  await syncPath(dirname(path));
  return true;
}

async function listDigests(directory: string): Promise<string[]> {
  const lists = await Promise.all(
    ["sha256", "sha512"].map(async (algorithm) => {
      const names = (await readdir(join(directory, algorithm)).catch(ifMissing)) ?? [];
      return names.map((name) => `${algorithm}:${name}`).filter((digest) => isDigest(digest));
    }),
  );
  return lists.flat();
}

interface Listing {
  readonly directory: string;
  readonly marker: RegExp;
}

async function listRepositories(name: string, { directory, marker }: Listing): Promise<string[]> {
  const entries: Dirent[] = (await readdir(join(directory, name), { withFileTypes: true }).catch(ifMissing)) ?? [];
  const names = entries.some((entry) => marker.test(entry.name)) ? [name] : [];
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name.startsWith("_")) continue;
    names.push(...(await listRepositories(name === "" ? entry.name : `${name}/${entry.name}`, { directory, marker })));
  }
  return names;
}

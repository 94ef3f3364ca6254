import { described, StringEnum, Type, type Static } from "../../meta/schema.ts";
import { SourceContainer } from "./step.types.ts";

const text = (description: string) => Type.Optional(Type.String({ description }));

const GitSource = Type.Object({
  url: text("URL of the repository: https, ssh or user@host:path."),
  revision: text("What to fetch: a branch, a tag, a full or short commit, or any ref. Required."),
  depth: Type.Optional(
    Type.Integer({
      format: "int32",
      minimum: 0,
      description: "How many commits to fetch. Default 1; 0 is all of them.",
    }),
  ),
  submodules: Type.Optional(Type.Boolean({ description: "Whether to fetch submodules too. Default false." })),
});

const GcsSource = Type.Object({
  type: text("Archive for a zip or tar.gz, Manifest for a list of files. Default Archive."),
  location: text("gs://bucket/object, with or without #generation."),
});

const ArchiveSource = Type.Object({
  url: text("http or https URL of a zip, tar or tar.gz."),
  sha256: text("What the archive must be: 64 hexadecimal digits. Anything else is refused."),
});

const ImageSource = Type.Object({
  reference: text("The image whose files are wanted, best by digest."),
});

/** Where files in /workspace come from. Exactly one of git, gcs, archive, image and custom. */
export const Source = Type.Object({
  name: text("Name of the source, a DNS label; unique in `sources`."),
  git: Type.Optional(described(GitSource, "A git repository.")),
  gcs: Type.Optional(
    described(GcsSource, "An object in a Google Cloud Storage bucket, or anything that speaks like one."),
  ),
  archive: Type.Optional(described(ArchiveSource, "An archive on a web server.")),
  image: Type.Optional(described(ImageSource, "The file system of an image in a registry.")),
  custom: Type.Optional(described(SourceContainer, "A container that puts files into /workspace.")),
  subPath: text("The steps see only this directory of the workspace, as /workspace."),
  targetPath: text("Directory below /workspace to put the files into. Default: /workspace itself."),
});
export type Source = Static<typeof Source>;

/** What a source turned out to be. */
export const sourceKinds = ["git", "gcs", "archive", "image", "custom"] as const;
/** One of them. */
export type SourceKind = (typeof sourceKinds)[number];

/** The kind of a source: with several set, the first in v0.7's order; undefined for a source with none. */
export function sourceKindOf(source: Source): SourceKind | undefined {
  return sourceKinds.find((kind) => source[kind] !== undefined);
}

/** How a source or a step stands. */
export const progressProperties = {
  container: Type.Optional(Type.String({ description: "Name of its container in the Pod." })),
  phase: Type.Optional(
    StringEnum(["Waiting", "Running", "Succeeded", "Failed", "NotRun"], {
      description: "Waiting for its turn, running, ended well or badly, or never reached.",
    }),
  ),
  startedAt: Type.Optional(Type.String({ format: "date-time", description: "When it started." })),
  finishedAt: Type.Optional(Type.String({ format: "date-time", description: "When it ended." })),
  exitCode: Type.Optional(Type.Integer({ format: "int32", description: "What it ended with; 0 is well." })),
  reason: Type.Optional(Type.String({ description: "One word for programs: why it stands as it does." })),
  message: Type.Optional(Type.String({ description: "A sentence for people with the details." })),
} as const;

import { join } from "node:path";

/** The root of the repository that this file is part of. */
export const repositoryRoot = join(import.meta.dirname, "..", "..", "..", "..");

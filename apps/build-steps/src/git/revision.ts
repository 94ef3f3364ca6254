import { StepFailure } from "../step-failure.ts";

/** What a revision looks like. A short commit may still turn out to be the name of a branch or tag. */
export type RevisionKind = "commit" | "short commit" | "ref";

/**
 * Checks a revision: a branch, a tag, a commit or any ref. Never an option, a refspec or an expression.
 *
 * @throws StepFailure `SourceRefused`.
 */
export function parseRevision(text: string): RevisionKind {
  const isRefName =
    text !== "" &&
    text.length <= 1024 &&
    !/^[-+/.]|\.\.|@\{|\/\/|\/\.|[/.]$|\.lock$/.test(text) &&
    // oxlint-disable-next-line no-control-regex -- they are what is looked for
    !/[\u0000-\u0020\u007f~^:?*[\\]/.test(text);
  if (!isRefName) {
    throw new StepFailure(
      "SourceRefused",
      `${JSON.stringify(text.slice(0, 200))} is not a revision; give a branch, a tag, a commit, or a ref such as refs/pull/7/head`,
    );
  }
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) return "commit";
  return /^[0-9a-f]{4,39}$/.test(text) ? "short commit" : "ref";
}

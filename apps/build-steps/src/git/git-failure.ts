import { StepFailure } from "../step-failure.ts";

/** What git was asked for, so that its complaint can be told in the user's terms. */
export interface GitRequest {
  readonly url: string;
  readonly revision: string;
}

interface Symptom {
  readonly pattern: RegExp;
  readonly reason: string;
  readonly advice: (request: GitRequest) => string;
}

/** git has no error codes: its words (in the C locale) are all there is. The first that fits is taken. */
const symptoms: readonly Symptom[] = [
  {
    pattern: /couldn't find remote ref|not our ref|unadvertised object|unable to find remote ref/i,
    reason: "RevisionNotFound",
    advice: ({ url, revision }) =>
      `${url} has no revision "${revision}"; give a branch, a tag, a commit or a ref that is there`,
  },
  {
    pattern: /Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED/,
    reason: "HostKeyRefused",
    advice: ({ url }) =>
      `the host key of ${url} is not the one in known_hosts; correct known_hosts in the ssh-auth Secret of the ServiceAccount`,
  },
  {
    pattern: /Permission denied|Authentication failed|could not read (Username|Password)|error: 40[13]|HTTP 40[13]/i,
    reason: "CredentialsRefused",
    advice: ({ url }) =>
      `${url} refuses these credentials; give the ServiceAccount a Secret with a build.knative.dev/git-* annotation for its host, with rights to read`,
  },
  {
    pattern: /certificate|SSL|TLS/,
    reason: "CertificateRefused",
    advice: ({ url }) => `the certificate of ${url} is not trusted; trust its authority, or correct the host's name`,
  },
  {
    pattern:
      /Could not resolve|Failed to connect|Connection (refused|timed out|reset|closed)|too slow|No route|Empty reply|hung up/i,
    reason: "SourceUnreachable",
    advice: ({ url }) => `${url} cannot be reached; check the URL, the network and that the server is up`,
  },
  {
    pattern: /not found|does not appear to be a git repo|does not exist|error: 404|HTTP 404|not a git repository/i,
    reason: "SourceNotFound",
    advice: ({ url }) => `there is no repository at ${url}, or these credentials may not see it; correct the URL`,
  },
  {
    pattern: /redirect/i,
    reason: "SourceMoved",
    advice: ({ url }) => `${url} redirects elsewhere; give the URL that it redirects to`,
  },
  {
    pattern: /No space left on device|Disk quota exceeded/,
    reason: "DiskFull",
    advice: () => "the workspace is full; give the Pod more ephemeral storage, or fetch less",
  },
];

/** A failure in the user's terms, with git's own words behind it. */
export function explainGitFailure(stderr: string, request: GitRequest): StepFailure {
  const words = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("hint:"))
    .slice(-4)
    .join(" | ")
    .slice(0, 600);
  const symptom = symptoms.find(({ pattern }) => pattern.test(stderr));
  if (symptom === undefined) return new StepFailure("GitFailed", `git could not fetch ${request.url}: ${words}`);
  return new StepFailure(symptom.reason, `${symptom.advice(request)} (git: ${words})`);
}

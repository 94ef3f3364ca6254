// Serves git repositories over HTTP: `git http-backend` answers, as it does behind any web server.
import { execFileSync, spawn } from "node:child_process";
import { cpSync } from "node:fs";

/**
 * Makes a directory's content a repository of one commit.
 * @param {string} directory where the repository is to be
 * @param {URL} source
 */
export function makeRepository(directory, source) {
  cpSync(source, directory, { recursive: true });
  const git = (...args) => execFileSync("git", ["-C", directory, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  git("init", "--quiet", "--initial-branch=main");
  git("add", ".");
  git("-c", "user.name=Sample", "-c", "user.email=sample@localhost", "commit", "--quiet", "--message", "First");
  // The branch that samples/build-three-steps names.
  git("branch", "master");
  git("config", "uploadpack.allowAnySHA1InWant", "true");
}

/** Answers one request for the repositories below `root`. */
export function answerGit(root, request, response) {
  const { pathname, search } = new URL(request.url ?? "/", "http://git");
  const backend = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      REQUEST_METHOD: request.method,
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      GIT_PROTOCOL: request.headers["git-protocol"] ?? "",
    },
  });
  request.pipe(backend.stdin).on("error", () => backend.kill());
  backend.on("error", () => response.writeHead(500).end());
  answer(backend.stdout, response).catch(() => response.destroy());
}

/** A CGI program writes headers, an empty line and the body. */
async function answer(output, response) {
  let head = Buffer.alloc(0);
  for await (const chunk of output) {
    if (response.headersSent) {
      response.write(chunk);
      continue;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) continue;
    const lines = head.subarray(0, end).toString().split("\r\n");
    const headers = Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2)));
    const { Status: status = "200", ...others } = headers;
    response.writeHead(Number.parseInt(status, 10), others);
    response.write(head.subarray(end + 4));
  }
  response.end();
}

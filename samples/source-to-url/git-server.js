// A git server in a few lines: makes the directory `app` a repository and lets `git http-backend` answer for it.
import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const port = Number(process.env.PORT ?? 8080);
const root = mkdtempSync(join(tmpdir(), "git-"));
makeRepository(join(root, "app"), new URL("app/", import.meta.url));

const server = createServer((request, response) => {
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
  console.log(`${request.method} ${request.url}`);
});
server.listen(port, () => console.log(`Serving /app on ${port}`));

process.once("SIGTERM", () => {
  rmSync(root, { recursive: true, force: true });
  process.exit(0);
});

/** @param {string} directory @param {URL} source */
function makeRepository(directory, source) {
  cpSync(source, directory, { recursive: true });
  const git = (...args) => execFileSync("git", ["-C", directory, ...args], { stdio: ["ignore", "ignore", "inherit"] });
  git("init", "--quiet", "--initial-branch=main");
  git("add", ".");
  git("-c", "user.name=Sample", "-c", "user.email=sample@localhost", "commit", "--quiet", "--message", "First");
  // The branch that samples/build-three-steps names.
  git("branch", "master");
  git("config", "uploadpack.allowAnySHA1InWant", "true");
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

import { execFileSync } from "node:child_process";
import { createReadStream, cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answerGit, makeRepository } from "../../../samples/source-to-url/git-backend.js";

const root = mkdtempSync(join(tmpdir(), "build-world-"));
const open = join(root, "open", "app");
makeRepository(open, new URL("../../../samples/source-to-url/app/", import.meta.url));
addBranches(open);
cpSync(join(root, "open"), join(root, "private"), { recursive: true });
makeBomb();

const reader = `Basic ${Buffer.from("reader:open-sesame").toString("base64")}`;
const refusal = { errors: [{ code: "DENIED", message: "this registry lets nobody push" }] };

const server = createServer((request, response) => {
  const { url = "/", headers } = request;
  console.log(`${request.method} ${url}`);
  if (url.startsWith("/v2/")) {
    const isPush = request.method !== "GET" && request.method !== "HEAD";
    response.writeHead(isPush ? 403 : url === "/v2/" ? 200 : 404, { "content-type": "application/json" });
    response.end(JSON.stringify(refusal));
  } else if (url === "/bomb.tar.gz") {
    createReadStream(join(root, "bomb.tar.gz")).pipe(response);
  } else if (url.startsWith("/private/") && headers.authorization !== reader) {
    response.writeHead(401, { "www-authenticate": "Basic realm=git" }).end();
  } else {
    answerGit(root, request, response);
  }
});
server.listen(Number(process.env.PORT ?? 8080));

process.once("SIGTERM", () => {
  rmSync(root, { recursive: true, force: true });
  process.exit(0);
});

function addBranches(directory) {
  const git = (...args) => execFileSync("git", ["-C", directory, ...args]);
  git("switch", "--quiet", "--create", "other");
  const file = join(directory, "server.js");
  writeFileSync(file, readFileSync(file, "utf8").replace("Built from source.", "Built from other source."));
  git("-c", "user.name=Test", "-c", "user.email=test@localhost", "commit", "--quiet", "--all", "--message", "Other");
  git("switch", "--quiet", "main");
}

function makeBomb() {
  writeFileSync(join(root, "zeros"), "");
  truncateSync(join(root, "zeros"), 60_000_000);
  execFileSync("tar", ["-C", root, "-czf", join(root, "bomb.tar.gz"), "zeros"]);
}

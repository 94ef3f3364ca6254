// A git server in a few lines: makes the directory `app` a repository and serves it.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answerGit, makeRepository } from "./git-backend.js";

const port = Number(process.env.PORT ?? 8080);
const root = mkdtempSync(join(tmpdir(), "git-"));
makeRepository(join(root, "app"), new URL("app/", import.meta.url));

const server = createServer((request, response) => {
  answerGit(root, request, response);
  console.log(`${request.method} ${request.url}`);
});
server.listen(port, () => console.log(`Serving /app on ${port}`));

process.once("SIGTERM", () => {
  rmSync(root, { recursive: true, force: true });
  process.exit(0);
});

import { spawn } from "node:child_process";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gitEnvironment } from "./git-repository.ts";

/** What a git server serves, and to whom. */
export interface GitServerOptions {
  /** Every repository below it is served: `<root>/app.git` as `<url>/app.git`. */
  readonly root: string;
  /** Passwords by user. Absent: anybody may read. */
  readonly logins?: Readonly<Record<string, string>>;
  /** 0 (the default) takes a free one. */
  readonly port?: number;
  /** False: as servers from before protocol 2, which give no commit that no ref leads to. Default true. */
  readonly speaksProtocol2?: boolean;
}

/** One request that the server got. */
export interface GitServerRequest {
  readonly path: string;
  readonly authorization: string | undefined;
}

/** git's own smart HTTP server on 127.0.0.1. */
export interface GitServer {
  /** `http://127.0.0.1:<port>`, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** All requests so far, oldest first. */
  readonly requests: readonly GitServerRequest[];
  close(): Promise<void>;
}

/** Serves repositories with `git http-backend` behind a small CGI. Read-only. Needs git on PATH. */
export async function openGitServer(options: GitServerOptions): Promise<GitServer> {
  const requests: GitServerRequest[] = [];
  const server = createServer((request, response) => {
    requests.push({ path: request.url ?? "", authorization: request.headers.authorization });
    if (isLoggedIn(request, options.logins)) runBackend(request, response, options);
    else response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end("log in\n");
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function isLoggedIn(request: IncomingMessage, logins: GitServerOptions["logins"]): boolean {
  if (logins === undefined) return true;
  const [, encoded = ""] = /^Basic (.*)$/.exec(request.headers.authorization ?? "") ?? [];
  const [user = "", ...password] = Buffer.from(encoded, "base64").toString().split(":");
  return Object.hasOwn(logins, user) && logins[user] === password.join(":");
}

function runBackend(request: IncomingMessage, response: ServerResponse, options: GitServerOptions): void {
  const url = new URL(request.url ?? "/", "http://localhost");
  const protocol = request.headers["git-protocol"];
  const backend = spawn("git", ["http-backend"], {
    env: {
      ...gitEnvironment(),
      GIT_PROJECT_ROOT: options.root,
      GIT_HTTP_EXPORT_ALL: "1",
      REQUEST_METHOD: request.method ?? "GET",
      PATH_INFO: decodeURIComponent(url.pathname),
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      ...(typeof protocol === "string" && options.speaksProtocol2 !== false ? { HTTP_GIT_PROTOCOL: protocol } : {}),
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  backend.on("error", () => response.writeHead(500).end());
  // A client that hangs up in mid-answer is no fault of the server's.
  for (const stream of [backend.stdin, backend.stdout, response]) stream.on("error", () => backend.kill());
  request.pipe(backend.stdin);
  let head = "";
  const onData = (chunk: Buffer): void => {
    head += chunk.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    backend.stdout.off("data", onData);
    writeHead(response, head.slice(0, end));
    response.write(Buffer.from(head.slice(end + 4), "latin1"));
    backend.stdout.pipe(response);
  };
  backend.stdout.on("data", onData);
}

/** CGI says the status as a header. */
function writeHead(response: ServerResponse, head: string): void {
  for (const line of head.split("\r\n")) {
    const [name = "", ...value] = line.split(": ");
    if (name.toLowerCase() === "status") response.statusCode = Number.parseInt(value.join(": "), 10);
    else response.setHeader(name, value.join(": "));
  }
}

// Serves the files of one directory over HTTP. It is copied into images of static sites and so stands alone: plain
// JavaScript, nothing but Node. Environment: PORT (8080), STATIC_DIR (/app), STATIC_FALLBACK (a file such as index.html
// for paths that are not there, as single-page applications want it).
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, sep } from "node:path";
import { pipeline } from "node:stream";

const types = {
  ".css": "text/css; charset=utf-8",
  ".gif": "image/gif",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpeg": "image/jpeg",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".pdf": "application/pdf",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webp": "image/webp",
  ".woff2": "font/woff2",
  ".xml": "application/xml",
};

const root = await realpath(process.env.STATIC_DIR ?? "/app");
const fallback = process.env.STATIC_FALLBACK ?? "";

/** The file that a path means, or undefined. Hidden files are nobody's business, and links do not lead out. */
async function find(path) {
  const parts = path.split("/").filter((part) => part !== "");
  if (parts.some((part) => part.startsWith(".") || part.includes("\0") || part.includes(sep))) return undefined;
  try {
    const file = await realpath(join(root, ...parts));
    if (file !== root && !file.startsWith(root + sep)) return undefined;
    const stats = await stat(file);
    if (stats.isDirectory()) {
      if (!path.endsWith("/"))
        return {
          moved: `${parts
            .map(encodeURIComponent)
            .map((part) => `/${part}`)
            .join("")}/`,
        };
      return await find(`${path}index.html`);
    }
    return stats.isFile() ? { file, stats } : undefined;
  } catch {
    // Not there, or not to be read: the same to those who ask.
    return undefined;
  }
}

async function answer(request, response) {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
    return;
  }
  const path = parsePath(request.url);
  const asked = path === undefined ? undefined : await find(path);
  const found = asked ?? (await find(`/${fallback === "" ? "404.html" : fallback}`));
  if (found?.moved !== undefined) response.writeHead(301, { location: found.moved }).end();
  else if (found === undefined) {
    response.writeHead(404, { "content-type": "text/plain; charset=utf-8" }).end("Not found\n");
  } else send(request, response, { ...found, status: asked === undefined && fallback === "" ? 404 : 200 });
}

function parsePath(url) {
  try {
    return decodeURIComponent(new URL(url, "http://localhost").pathname);
  } catch {
    // What means no path means nothing here.
    return undefined;
  }
}

function send(request, response, { file, stats, status }) {
  // Files of an image have no times; they change with the image, and so with this process.
  const etag = `"${started}-${stats.size.toString(36)}"`;
  const headers = {
    "content-type": types[extname(file).toLowerCase()] ?? "application/octet-stream",
    "content-length": stats.size,
    "cache-control": "no-cache",
    "x-content-type-options": "nosniff",
    etag,
  };
  if (status === 200 && request.headers["if-none-match"] === etag) {
    response.writeHead(304, { etag }).end();
    return;
  }
  response.writeHead(status, headers);
  if (request.method === "HEAD") response.end();
  else pipeline(createReadStream(file), response, () => undefined);
}

const started = Math.floor(performance.timeOrigin).toString(36);
const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.listen(Number(process.env.PORT ?? 8080), () => console.log(`Serving ${root} on ${server.address().port}`));
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => server.close(() => process.exit(0)));

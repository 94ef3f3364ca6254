import { access, realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { LayerEntry } from "@kelvin/oci";
import { findLibraries } from "./library-closure.ts";

/** What of a Linux system scripts in a package.json are used to; one that this machine has not is left out. */
const tools = [
  ..."basename cat chmod cp cut date dirname echo env false head id ln ls mkdir mktemp mv pwd readlink realpath rm rmdir".split(
    " ",
  ),
  ..."seq sleep sort stat tail tee test touch tr true uname uniq wc".split(" "),
];
const toolDirectories = ["/usr/bin", "/bin"];
/** Loaded by name when host names are looked up, where libc does not have them built in (before glibc 2.34). */
const nameServices = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"];
const certificates = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

const files: Readonly<Record<string, string>> = {
  "etc/passwd":
    "root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000:node:/home/node:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
  "etc/group": "root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n",
  "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
};

/** A file, by where it is on this machine; a link, by what it leads to; a text. */
type Content = { readonly from: string } | { readonly link: string } | { readonly text: string };

/**
 * Everything below the root of an image that Node's programs run in: Node, a shell and small tools with all the libraries
 * they need, users, certificates, places to write. All is taken from this machine, so nothing needs a network.
 *
 * @throws Error naming what Node needs and this machine has not.
 */
export async function listNodeRoot(node: string): Promise<LayerEntry[]> {
  const root = new Map<string, Content>(Object.entries(files).map(([path, text]) => [path, { text }]));
  await addProgram(root, "usr/local/bin/node", node);
  for (const name of nameServices) {
    const libc = [...root.keys()].find((path) => basename(path) === "libc.so.6");
    const service = libc === undefined ? undefined : join("/", dirname(libc), name);
    if (service !== undefined && (await exists(service))) root.set(service.slice(1), { from: service });
  }
  if (await exists("/bin/sh")) await addTool(root, "bin/sh", "/bin/sh");
  for (const tool of tools) {
    const found = await findFirst(toolDirectories.map((directory) => join(directory, tool)));
    if (found !== undefined) await addTool(root, `usr/bin/${tool}`, found);
  }
  const bundle = await findFirst(certificates);
  if (bundle !== undefined) root.set("etc/ssl/certs/ca-certificates.crt", { from: bundle });
  return await toEntries(root);
}

async function addProgram(root: Map<string, Content>, path: string, program: string): Promise<void> {
  root.set(path, { from: program });
  for (const library of await findLibraries(program)) root.set(library.slice(1), { from: library });
}

/** Many tools may be one file, which then is there once, under its own name. */
async function addTool(root: Map<string, Content>, path: string, program: string): Promise<void> {
  const real = await realpath(program);
  const place = join(dirname(path), basename(real));
  if (place !== path) root.set(path, { link: basename(real) });
  if (!root.has(place)) await addProgram(root, place, real);
}

async function toEntries(root: ReadonlyMap<string, Content>): Promise<LayerEntry[]> {
  const directories = new Map([
    ["home/node", 0o777],
    ["root", 0o700],
    ["tmp", 0o1777],
    ["var/tmp", 0o1777],
  ]);
  for (const path of [...root.keys(), ...directories.keys()]) {
    for (let at = dirname(path); at !== "."; at = dirname(at)) {
      if (!directories.has(at)) directories.set(at, 0o755);
    }
  }
  const entries: LayerEntry[] = [...directories].map(([path, mode]) => ({ kind: "directory", path, mode }));
  for (const [path, content] of root) entries.push(await toEntry(path, content));
  return entries.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

async function toEntry(path: string, content: Content): Promise<LayerEntry> {
  if ("link" in content) return { kind: "symlink", path, target: content.link };
  if ("text" in content) return { kind: "file", path, mode: 0o644, content: { bytes: Buffer.from(content.text) } };
  const file = await realpath(content.from);
  const { size, mode } = await stat(file);
  return { kind: "file", path, mode: (mode & 0o111) === 0 ? 0o644 : 0o755, content: { file, size } };
}

async function findFirst(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if (await exists(path)) return path;
  return undefined;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

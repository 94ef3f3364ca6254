import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveImage } from "./directory-images.ts";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "kelvin-image-"));
  const add = (path: string, text: string): void => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const app = (start: string): string => JSON.stringify({ scripts: { start } });
  add("samples/plain/package.json", app("node --conditions=@kelvin/source src/main.ts"));
  add("samples/plain/src/main.ts", "");
  add("samples/shell/package.json", app("PORT=1 node a.js && node b.js"));
  add("samples/empty/package.json", "{}");
  add("samples/broken/package.json", "{");
  add("samples/bare/readme.txt", "");
  add("samples/both/package.json", app("node sample.js"));
  add("images/both/package.json", app("node image.js"));
  add("images/tool/run", "#!/bin/sh\n");
  chmodSync(join(root, "images/tool/run"), 0o755);
  add("images/unpacked/rootfs/app", "");
  const config = {
    Entrypoint: ["/app"],
    Cmd: ["serve"],
    Env: ["MODE=a=b", "EMPTY"],
    WorkingDir: "/srv",
    User: "1000:50",
  };
  add("images/unpacked/config.json", JSON.stringify({ config }));
  add("images/wrong/rootfs/app", "");
  add("images/wrong/config.json", JSON.stringify({ config: { Cmd: "sh" } }));
  add("apps/activator/package.json", app("node main.ts"));
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const resolve = (reference: string): ReturnType<typeof resolveImage> =>
  resolveImage(reference, { repository: root, images: join(root, "images") });

describe("resolveImage", () => {
  test("a plain start script runs without a shell, its files found from any working directory", () => {
    const entrypoint = ["node", "--conditions=@kelvin/source", join(root, "samples/plain/src/main.ts")];
    expect(resolve("dev.local/plain")).toMatchObject({
      workingDir: join(root, "samples/plain"),
      entrypoint,
      needsShell: false,
    });
  });

  test("a directory with a root file system in it is an unpacked image", () => {
    expect(resolve("dev.local/unpacked")).toEqual({
      id: "dev.local/unpacked",
      rootfs: join(root, "images/unpacked/rootfs"),
      entrypoint: ["/app"],
      cmd: ["serve"],
      env: { MODE: "a=b", EMPTY: "" },
      workingDir: "/srv",
      user: "1000:50",
      needsShell: false,
    });
    expect(() => resolve("dev.local/wrong")).toThrow("config.Cmd of the image is not a list of strings");
  });

  test("tags and digests mean nothing", () => {
    const { id: _, ...plain } = resolve("dev.local/plain");
    expect(resolve("dev.local/plain:v1")).toMatchObject(plain);
    expect(resolve("dev.local/plain@sha256:abc")).toMatchObject(plain);
  });

  test("a script with shell syntax gets a shell, and signals reach its children", () => {
    expect(resolve("dev.local/shell")).toMatchObject({
      entrypoint: ["/bin/sh", "-c", 'PORT=1 node a.js && node b.js "$@"', "start"],
      needsShell: true,
    });
  });

  test("--images-dir comes before the samples, apps from the repository, and an executable run is enough", () => {
    expect(resolve("dev.local/both").entrypoint).toEqual(["node", "image.js"]);
    expect(resolve("dev.local/apps/activator").workingDir).toBe(join(root, "apps/activator"));
    expect(resolve("dev.local/tool").entrypoint).toEqual([join(root, "images/tool/run")]);
  });

  test.each([
    ["docker.io/library/nginx", "ErrImagePull", /is not dev.local/],
    ["nginx", "ErrImagePull", /is not dev.local/],
    ["dev.local/nope", "ErrImagePull", /there is no directory .*images\/nope or .*samples\/nope/],
    ["dev.local/empty", "ErrImagePull", /has no "start" script/],
    ["dev.local/broken", "ErrImagePull", /has no "start" script/],
    ["dev.local/bare", "ErrImagePull", /has no package.json/],
    ["dev.local/../secret", "InvalidImageName", /couldn't parse image name/],
    ["dev.local/", "InvalidImageName", /couldn't parse image name/],
  ])("%s is refused with cause and remedy", (reference, reason, message) => {
    expect(() => resolve(reference)).toThrow(message);
    expect(() => resolve(reference)).toThrow(expect.objectContaining({ reason }));
  });
});

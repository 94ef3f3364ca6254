import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveImage } from "./image.ts";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "kelvin-image-"));
  const add = (path: string, text: string): void => {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const app = (start: string): string => JSON.stringify({ scripts: { start } });
  add("samples/plain/package.json", app("node --conditions=@kelvin/source src/main.ts"));
  add("samples/shell/package.json", app("PORT=1 node a.js && node b.js"));
  add("samples/empty/package.json", "{}");
  add("samples/broken/package.json", "{");
  add("samples/bare/readme.txt", "");
  add("samples/both/package.json", app("node sample.js"));
  add("images/both/package.json", app("node image.js"));
  add("images/tool/run", "#!/bin/sh\n");
  chmodSync(join(root, "images/tool/run"), 0o755);
  add("apps/activator/package.json", app("node main.ts"));
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const resolve = (reference: string): ReturnType<typeof resolveImage> =>
  resolveImage(reference, { repository: root, images: join(root, "images") });

describe("resolveImage", () => {
  test("a plain start script runs without a shell", () => {
    const command = ["node", "--conditions=@kelvin/source", "src/main.ts"];
    expect(resolve("dev.local/plain")).toEqual({ directory: join(root, "samples/plain"), command, needsShell: false });
  });

  test("tags and digests mean nothing", () => {
    expect(resolve("dev.local/plain:v1")).toEqual(resolve("dev.local/plain"));
    expect(resolve("dev.local/plain@sha256:abc")).toEqual(resolve("dev.local/plain"));
  });

  test("a script with shell syntax gets a shell, and signals reach its children", () => {
    expect(resolve("dev.local/shell")).toMatchObject({
      command: ["/bin/sh", "-c", 'PORT=1 node a.js && node b.js "$@"', "start"],
      needsShell: true,
    });
  });

  test("--images-dir comes before the samples, apps from the repository, and an executable run is enough", () => {
    expect(resolve("dev.local/both").command).toEqual(["node", "image.js"]);
    expect(resolve("dev.local/apps/activator").directory).toBe(join(root, "apps/activator"));
    expect(resolve("dev.local/tool").command).toEqual([join(root, "images/tool/run")]);
  });

  test.each([
    ["docker.io/library/nginx", "ErrImagePull", /has no registry yet/],
    ["nginx", "ErrImagePull", /cannot be pulled/],
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

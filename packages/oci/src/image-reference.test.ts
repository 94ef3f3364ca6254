import { describe, expect, test } from "@jest/globals";
import { formatImageReference, parseImageReference } from "./image-reference.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

describe("references", () => {
  test.each([
    ["nginx", "docker.io/library/nginx:latest"],
    ["nginx:1.27", "docker.io/library/nginx:1.27"],
    ["docker.io/nginx", "docker.io/library/nginx:latest"],
    ["index.docker.io/library/nginx", "docker.io/library/nginx:latest"],
    ["kelvin/node:24", "docker.io/kelvin/node:24"],
    ["localhost/x", "localhost/x:latest"],
    ["localhost:5000/x/y:1", "localhost:5000/x/y:1"],
    ["Registry.Localhost:5000/x", "registry.localhost:5000/x:latest"],
    ["[::1]:5000/x", "[::1]:5000/x:latest"],
    ["ghcr.io/a/b__c/d-e.f:V_1.2-3", "ghcr.io/a/b__c/d-e.f:V_1.2-3"],
    [`gcr.io/a/b@${digest}`, `gcr.io/a/b@${digest}`],
    [`gcr.io/a/b:t@${digest}`, `gcr.io/a/b:t@${digest}`],
  ])("%s means %s", (text, full) => {
    expect(formatImageReference(parseImageReference(text))).toBe(full);
    expect(formatImageReference(parseImageReference(full))).toBe(full);
  });

  test.each([
    ["", "it is empty"],
    ["Nginx", "must be lower case"],
    ["a//b", "empty part"],
    ["a/../b", '".." is no part'],
    ["host:99999/x", "is no registry"],
    ["host:0/x", "is no registry"],
    ["-host.x/y", "is no registry"],
    ["nginx:-x", "is no tag"],
    ["nginx:", "is no tag"],
    [`nginx:${"a".repeat(129)}`, "is no tag"],
    ["nginx@sha256:12", "is no digest"],
    [`nginx@${digest.toUpperCase()}`, "is no digest"],
    [`nginx@${digest}@${digest}`, "more than one"],
    [`gcr.io/${"a/".repeat(200)}b`, "longer than 255"],
    ["nginx\n", "is no part"],
  ])("%s is refused: %s", (text, message) => {
    expect(() => parseImageReference(text)).toThrow(message);
    expect(() => parseImageReference(text)).toThrow(expect.objectContaining({ code: "InvalidReference" }));
  });
});

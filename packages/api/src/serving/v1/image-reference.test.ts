import { describe, expect, test } from "@jest/globals";
import { parseImageReference } from "./image-reference.ts";

const sha = `sha256:${"0".repeat(64)}`;

describe("is taken apart", () => {
  test.each([
    ["hello", { registry: "index.docker.io", repository: "hello" }],
    ["library/hello:v1", { registry: "index.docker.io", repository: "library/hello", tag: "v1" }],
    [
      "ghcr.io/knative/helloworld-go:latest",
      { registry: "ghcr.io", repository: "knative/helloworld-go", tag: "latest" },
    ],
    ["dev.local/hello", { registry: "dev.local", repository: "hello" }],
    ["localhost:5000/a/b", { registry: "localhost:5000", repository: "a/b" }],
    ["localhost/hello:1", { registry: "localhost", repository: "hello", tag: "1" }],
    [`hello@${sha}`, { registry: "index.docker.io", repository: "hello", digest: sha }],
    [`ghcr.io/a/hello:v1@${sha}`, { registry: "ghcr.io", repository: "a/hello", tag: "v1", digest: sha }],
  ])("%s", (image, want) => {
    expect(parseImageReference(image)).toEqual({ tag: undefined, digest: undefined, ...want });
  });
});

describe("is refused", () => {
  test.each(["", "a b", "Hello", "hello@sha256:abc", `a@${sha}@${sha}`, "hello:ta g", "ghcr.io/", "x.y:port/ab"])(
    "%p",
    (image) => {
      expect(() => parseImageReference(image)).toThrow(new RangeError(`could not parse reference: ${image}`));
    },
  );
});

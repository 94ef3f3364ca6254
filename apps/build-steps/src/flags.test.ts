import { describe, expect, test } from "@jest/globals";
import { countFlag, parseFlags, requireFlag } from "./flags.ts";

const spec = { url: "once", path: "many", submodules: "switch" } as const;

describe("flags", () => {
  test("are read in both spellings, and what was not given is absent", () => {
    expect(parseFlags(["--url", "a", "--path=b", "--path", "c"], spec)).toEqual({
      url: "a",
      path: ["b", "c"],
      submodules: false,
    });
    expect(parseFlags(["--submodules"], spec)).toEqual({ url: undefined, path: [], submodules: true });
  });

  test.each([
    [["--ur", "a"], /Unknown option '--ur'/],
    [["--url"], /argument missing/],
    [["--url", "a", "--url", "b"], /--url was given twice/],
    [["left", "over"], /positional/],
    [["--url", "--upload-pack=x"], /ambiguous/],
  ])("%j is refused", (args, message) => {
    expect(() => parseFlags(args, spec)).toThrow(message);
  });

  test("a required flag must have a value, a count must be a count", () => {
    expect(() => requireFlag({ url: undefined }, "url")).toThrow("--url is required");
    expect(() => requireFlag({ url: "" }, "url")).toThrow("--url is required");
    expect(countFlag({}, "depth", 3)).toBe(3);
    expect(countFlag({ depth: "7" }, "depth", 3)).toBe(7);
    for (const bad of ["0", "-1", "1.5", "x", "1e3"]) expect(() => countFlag({ depth: bad }, "depth", 1)).toThrow(bad);
  });
});

import { expect, test } from "@jest/globals";
import { deflateSync } from "node:zlib";
import { openSpdyHeaders, spdyDictionary } from "./spdy-headers.ts";

test("the dictionary is the one of SPDY/3: what it compresses begins with its checksum", () => {
  expect(spdyDictionary.length).toBe(1423);
  expect(deflateSync("x", { dictionary: spdyDictionary }).subarray(2, 6).toString("hex")).toBe("e3c6a7c2");
});

test("a block that ends early is an error", async () => {
  const headers = openSpdyHeaders();
  const block = deflateSync(Buffer.from([0, 0, 0, 1, 0, 0, 0, 9, 65]), { dictionary: spdyDictionary });
  await expect(headers.read(block)).rejects.toThrow("a header ends before its length");
  headers.close();
});

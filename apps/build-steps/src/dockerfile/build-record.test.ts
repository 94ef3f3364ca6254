import { expect, test } from "@jest/globals";
import { findBases } from "./build-record.ts";

test.each([
  ["FROM scratch\nCOPY a b", []],
  ["FROM node:24 AS build\nFROM build\nCOPY --from=build /a /a\nCOPY --from=0 /a /a", ["node:24"]],
  ["from --platform=linux/amd64 a.test/x as One\nFROM one\nCOPY --from=tools:1 /t /t", ["a.test/x", "tools:1"]],
  ["FROM \\\n  node:24\nRUN --mount=type=bind,from=tools:2,target=/t t", ["node:24", "tools:2"]],
  ["ARG V=24\nFROM node:${V}", undefined],
  ["FROM $BASE", undefined],
])("%j stands on %j", (text, bases) => expect(findBases(text)).toEqual(bases));

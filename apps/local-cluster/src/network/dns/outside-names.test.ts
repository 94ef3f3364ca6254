import { beforeEach, describe, expect, test } from "@jest/globals";
import { OutsideError } from "../egress/outside.ts";
import { recordTypes, responseCodes } from "./message.ts";
import { makeOutsideNames, type OutsideNames } from "./outside-names.ts";

let nowMs = 0;
let asked: string[] = [];
let answers: Record<string, readonly string[] | Error> = {};
let names: OutsideNames;

beforeEach(() => {
  nowMs = 0;
  asked = [];
  answers = { "example.com": ["192.0.2.1", "192.0.2.2"], "slow.test": new OutsideError("EAI_AGAIN") };
  const lookUp = (name: string): Promise<readonly string[]> => {
    asked.push(name);
    const answer = answers[name] ?? [];
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  names = makeOutsideNames({ lookUp }, { now: () => new Date(nowMs) });
});

const ask = async (name: string, type: number = recordTypes.a): Promise<string[] | number> => {
  const answer = await names.answer({ name, type });
  if (answer.code !== responseCodes.ok) return answer.code;
  return answer.answers.map((record) => ("address" in record ? record.address : record.type));
};

describe("names of the outside", () => {
  test("are asked for once by many, and again when what is known has grown old", async () => {
    const all = await Promise.all([ask("example.com"), ask("example.com"), ask("example.com", recordTypes.aaaa)]);
    expect(all).toEqual([["192.0.2.1", "192.0.2.2"], ["192.0.2.1", "192.0.2.2"], []]);
    nowMs = 29_999;
    await ask("example.com");
    expect(asked).toEqual(["example.com"]);
    nowMs = 30_000;
    answers = { "example.com": ["192.0.2.3"] };
    expect(await ask("example.com")).toEqual(["192.0.2.3"]);
    expect(asked).toHaveLength(2);
  });

  test("that do not exist, or cannot be known now, are remembered for a shorter time", async () => {
    expect(await ask("none.test")).toBe(responseCodes.nameError);
    expect(await ask("none.test", recordTypes.aaaa)).toBe(responseCodes.nameError);
    expect(await ask("slow.test")).toBe(responseCodes.serverFailure);
    expect(await ask("slow.test")).toBe(responseCodes.serverFailure);
    expect(asked).toEqual(["none.test", "slow.test"]);
    nowMs = 2_000;
    await Promise.all([ask("none.test"), ask("slow.test")]);
    expect(asked).toEqual(["none.test", "slow.test", "slow.test"]);
    nowMs = 5_000;
    await ask("none.test");
    expect(asked.at(-1)).toBe("none.test");
  });

  test("that are no names, or kinds of records that the host is not asked for, never reach it", async () => {
    expect(await ask("")).toBe(responseCodes.nameError);
    expect(await ask("a..b")).toBe(responseCodes.nameError);
    expect(await ask("-x.test")).toBe(responseCodes.nameError);
    expect(await ask("semi;colon.test")).toBe(responseCodes.nameError);
    expect(await ask("4.3.2.1.in-addr.arpa")).toBe(responseCodes.nameError);
    expect(await ask("example.com", recordTypes.srv)).toBe(responseCodes.notImplemented);
    expect(asked).toEqual([]);
  });
});

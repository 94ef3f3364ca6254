import { describe, expect, test } from "@jest/globals";
import { fakeClock } from "@kelvin/testkit";
import { revision } from "../../test/builders.ts";
import { openDigestPool } from "./digest-pool.ts";

const timeoutMs = 10_000;
const hello = revision("hello-00001");

function openScene(resolve: (image: string) => Promise<string>, concurrencyMax?: number) {
  const clock = fakeClock();
  const settled: string[] = [];
  const pool = openDigestPool({
    resolver: { resolve },
    findCredentials: () => Promise.resolve([]),
    clock,
    onSettled: ({ metadata }) => settled.push(metadata.name ?? ""),
    ...(concurrencyMax === undefined ? {} : { concurrencyMax }),
  });
  return { clock, pool, settled };
}

describe("looking up digests in the background", () => {
  test("is pending first, then wakes the Revision with what it found", async () => {
    const { clock, pool, settled } = openScene((image) => Promise.resolve(`${image}@sha256:1`));
    const question = { revision: hello, images: ["a.io/x"], timeoutMs };
    expect(pool.ask(question)).toEqual({ state: "pending" });
    await clock.settle();
    expect(settled).toEqual(["hello-00001"]);
    expect(pool.ask(question)).toEqual({ state: "resolved", digests: new Map([["a.io/x", "a.io/x@sha256:1"]]) });
    await pool.close();
  });

  test("a failure is told until its delay is over, which doubles", async () => {
    let attempts = 0;
    const { clock, pool } = openScene(() => {
      attempts += 1;
      return Promise.reject(new Error("MANIFEST_UNKNOWN"));
    });
    const question = { revision: hello, images: ["a.io/x"], timeoutMs };
    pool.ask(question);
    await clock.settle();
    expect(pool.ask(question)).toEqual({
      state: "failed",
      image: "a.io/x",
      message: "MANIFEST_UNKNOWN",
      retryAfterMs: 1000,
    });
    await clock.advance(1000);
    expect(pool.ask(question)).toEqual({ state: "pending" });
    await clock.settle();
    expect(pool.ask(question)).toMatchObject({ state: "failed", retryAfterMs: 2000 });
    expect(attempts).toBe(2);
    await pool.close();
  });

  test("a Revision of the same name that is another one is looked up anew", async () => {
    const { clock, pool } = openScene((image) => Promise.resolve(`${image}@sha256:1`));
    pool.ask({ revision: hello, images: ["a.io/x"], timeoutMs });
    await clock.settle();
    const another = revision("hello-00001", ({ metadata }) => {
      metadata.uid = "another";
    });
    expect(pool.ask({ revision: another, images: ["a.io/x"], timeoutMs })).toEqual({ state: "pending" });
    await pool.close();
  });

  test("no more than the limit run at once; the others wait their turn", async () => {
    const open: (() => void)[] = [];
    const { clock, pool, settled } = openScene(
      (image) => new Promise((resolve) => open.push(() => resolve(`${image}@sha256:1`))),
      1,
    );
    pool.ask({ revision: hello, images: ["a.io/x"], timeoutMs });
    pool.ask({ revision: revision("hello-00002"), images: ["a.io/y"], timeoutMs });
    await clock.settle();
    expect(open).toHaveLength(1);
    open[0]?.();
    await clock.settle();
    expect(settled).toEqual(["hello-00001"]);
    expect(open).toHaveLength(2);
    open[1]?.();
    await pool.close();
  });
});

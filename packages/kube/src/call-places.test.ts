import { expect, test } from "@jest/globals";
import { makeCallPlaces } from "./call-places.ts";

test("places are given in order, and an aborted wait takes none", async () => {
  const places = makeCallPlaces(1);
  const giveBack = await places.take();
  const order: string[] = [];
  const abort = new AbortController();
  const first = places.take(abort.signal);
  const second = places.take().then((give) => {
    order.push("second");
    return give;
  });
  const third = places.take().then(() => order.push("third"));
  abort.abort(new Error("changed my mind"));
  await expect(first).rejects.toThrow("changed my mind");
  await expect(places.take(abort.signal)).rejects.toThrow("changed my mind");
  giveBack();
  (await second)();
  await third;
  expect(order).toEqual(["second", "third"]);
});

import { expect, test } from "@jest/globals";
import { Channel } from "@kelvin/api/channels/v1alpha1";
import { openInformer } from "@kelvin/kube";
import { openFakeKube, withSpec } from "@kelvin/testkit";
import { busChannel } from "../../test/channels-builders.ts";
import { busView, fakeBuses } from "../../test/fake-buses.ts";
import { busesOf, indexes, uidOf } from "./informer-indexes.ts";
import { wokenByBus, type Concerned } from "./woken-by-bus.ts";

const objects = [busChannel("a"), busChannel("b", withSpec({ clusterBus: undefined, bus: "mine" }))];

async function wokenBy(bus: string, uids: readonly string[], concerned: Concerned<Channel>): Promise<string[]> {
  const informer = openInformer(openFakeKube({ objects }), Channel, {
    indexes: { [indexes.uid]: uidOf, [indexes.bus]: busesOf },
  });
  const buses = fakeBuses();
  const woken: string[] = [];
  const source = wokenByBus(buses.watch, informer, {
    ...concerned,
    ...(concerned.servedBy === undefined ? {} : { servedBy: (id) => informer.byIndex(indexes.bus, id) }),
  });
  source.subscribe(({ name }) => woken.push(name));
  await source.synced;
  buses.set(bus, busView({}), uids);
  // The fake's watch that is ended before it has begun does not end.
  await new Promise((resolve) => setImmediate(resolve));
  await informer.close();
  return woken.toSorted();
}

const byIndex: Concerned<Channel> = { servedBy: () => [] };

test.each<[string, string, string[], Concerned<Channel>, string[]]>([
  ["a ClusterBus that comes wakes all", "stub", [], {}, ["a", "b"]],
  ["a Bus that comes wakes nobody that it cannot serve", "default/mine", [], {}, []],
  ["news of an object wake it", "default/mine", ["uid-channel-a"], {}, ["a"]],
  ["a ClusterBus wakes its own where they are known", "stub", [], byIndex, ["a"]],
  ["a Bus wakes its own where they are known, each once", "default/mine", ["uid-channel-b"], byIndex, ["b"]],
])("%s", async (...[, bus, uids, concerned, want]) => {
  expect(await wokenBy(bus, uids, concerned)).toEqual(want);
});

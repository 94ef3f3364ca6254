import type { Clock } from "@kelvin/bus";
import type { KafkaConnection } from "./kafka-connection.ts";

/** The groups of the whole cluster, asked for once for many. */
export interface GroupList {
  /** Names as they were at most `ageMsMax` ago: all of them. @throws BusError when some broker's may be missing */
  names(ageMsMax: number): Promise<readonly string[]>;
}

/** Where Kafka keeps the groups: whoever leads a partition of it knows its groups, and no other. */
const KEPT_IN = "__consumer_offsets";

/** @see GroupList */
export function makeGroupList(connection: KafkaConnection, clock: Clock): GroupList {
  let asked: { readonly atMs: number; readonly names: Promise<readonly string[]> } | undefined;
  return {
    names(ageMsMax) {
      const nowMs = clock.nowMs();
      if (asked === undefined || nowMs - asked.atMs > ageMsMax) {
        asked = { atMs: nowMs, names: listAll(connection) };
        const mine = asked;
        asked.names.catch(() => {
          if (asked === mine) asked = undefined;
        });
      }
      return asked.names;
    },
  };
}

function listAll(connection: KafkaConnection): Promise<readonly string[]> {
  return connection.ask("groups", async (admin) => {
    await expectAllLed();
    const { groups } = await admin.listGroups();
    await expectAllLed();
    return groups.map(({ groupId }) => groupId);

    async function expectAllLed(): Promise<void> {
      const { topics } = await admin.fetchTopicMetadata({ topics: [KEPT_IN] });
      const isLed = topics[0]?.partitions.every(({ leader }) => leader >= 0) ?? false;
      if (!isLed) throw new Error(`${KEPT_IN} has partitions without a leader`);
    }
  });
}

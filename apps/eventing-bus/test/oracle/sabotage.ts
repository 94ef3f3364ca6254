// Five faults that lose events, for the oracle to prove itself on.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { Bus, DeliveryPorts, HeldRecord } from "@kelvin/bus";
import { changeLogs, type Passing } from "./transitions.ts";

/** What a sabotaged process works with. */
export interface SabotagedParts {
  readonly ports: DeliveryPorts;
  readonly bus: Bus;
  readonly passing: Passing;
  /** A file that outlives the process. */
  readonly memoryFile: string;
}

/** How long an append that nobody waits for is under way. */
const LATE_MS = 1_000;

function idOf({ headers }: { readonly headers: readonly string[] }): string {
  return headers[headers.indexOf("ce-id") + 1] ?? "";
}

const sabotages = {
  acknowledgeBeforeDeliver: (parts: SabotagedParts) => ({
    ...parts,
    bus: changeLogs(parts.bus, (log) => ({
      ...log,
      openReader: (spec) =>
        log.openReader({
          ...spec,
          onRecord: (record) => {
            record.finish().then(
              () => {
                spec.onRecord(record);
              },
              () => {
                record.release();
              },
            );
          },
        }),
    })),
  }),

  /** As an offset that is committed: finishes a record, and with it all that came before. */
  commitPastGap: (parts: SabotagedParts) => ({
    ...parts,
    bus: changeLogs(parts.bus, (log) => ({
      ...log,
      openReader: (spec) => {
        const held: HeldRecord[] = [];
        return log.openReader({
          ...spec,
          onRecord: (record) => {
            held.push(record);
            const finish = async (): Promise<void> => {
              const place = held.indexOf(record);
              if (place === -1) return record.finish();
              const before = held.splice(0, place + 1);
              await Promise.all(before.map((each) => each.finish()));
              if (before.length > 1) await parts.passing("unsafe");
            };
            spec.onRecord({ ...record, finish });
          },
        });
      },
    })),
  }),

  /** There is no dedupe yet. This is one as it must not be: what is done is noted, durably, before it is done. */
  markBeforeSuccess: (parts: SabotagedParts) => {
    const { sender } = parts.ports;
    const isThere = existsSync(parts.memoryFile);
    const marked = new Set(isThere ? readFileSync(parts.memoryFile, "utf8").split("\n") : []);
    return {
      ...parts,
      ports: {
        ...parts.ports,
        sender: {
          send(request: Parameters<typeof sender.send>[0]) {
            const { headers } = request.message;
            const key = `${request.purpose} ${request.consumerId} ${idOf({ headers })}`;
            if (marked.has(key)) {
              return Promise.resolve({ kind: "answered", status: 202, headers: [], body: Buffer.alloc(0) } as const);
            }
            marked.add(key);
            appendFileSync(parts.memoryFile, `${key}\n`);
            return sender.send(request);
          },
        },
      },
    };
  },

  parkNotAwaited: (parts: SabotagedParts) => {
    /** Events whose append nobody waits for, by their id. */
    const underWay = new Set<string>();
    return {
      ...parts,
      bus: changeLogs(parts.bus, (log) => ({
        ...log,
        append: (record) => {
          if (!log.id.includes(".step")) return log.append(record);
          const id = idOf(record);
          underWay.add(id);
          setTimeout(() => {
            log
              .append(record)
              .catch(() => undefined)
              .finally(() => underWay.delete(id));
          }, LATE_MS);
          return Promise.resolve();
        },
        openReader: (spec) =>
          log.openReader({
            ...spec,
            onRecord: (record) => {
              const finish = async (): Promise<void> => {
                await record.finish();
                if (underWay.has(idOf(record))) await parts.passing("unsafe");
              };
              spec.onRecord({ ...record, finish });
            },
          }),
      })),
    };
  },

  dropDeadLetters: (parts: SabotagedParts) => ({
    ...parts,
    ports: { ...parts.ports, deadLetters: { ...parts.ports.deadLetters, append: () => Promise.resolve() } },
  }),
} satisfies Record<string, (parts: SabotagedParts) => SabotagedParts>;

export type Sabotage = keyof typeof sabotages;

export function applySabotage(sabotage: Sabotage | undefined, parts: SabotagedParts): SabotagedParts {
  return sabotage === undefined ? parts : sabotages[sabotage](parts);
}

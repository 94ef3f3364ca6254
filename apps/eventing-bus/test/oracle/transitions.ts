// Where a process can be struck. Each step of an event on its way is announced before it is taken; a test that waits for
// one can strike exactly there.
import type { Bus, BusLog, BusRecord, DeliveryPorts, HeldRecord } from "@kelvin/bus";

/** Each comes in two: what is about to be done, and what was done and has not been followed up yet. */
export const TRANSITIONS = [
  "accepting",
  "accepted",
  "delivering",
  "delivered",
  "parking",
  "parked",
  "dead-lettering",
  "dead-lettered",
  "storing",
  "stored",
  "finishing",
  "finished",
] as const;

/** `unsafe`: what a sabotaged engine alone does: the bus was told that it may forget what nobody has yet. */
export type Transition = (typeof TRANSITIONS)[number] | "unsafe";

/** What the test says: die there, or say that you are there and wait for `go`. */
export type Order =
  | { readonly kind: "arm"; readonly transition: Transition; readonly act: "die" | "tell" }
  | { readonly kind: "disarm" }
  | { readonly kind: "go" }
  | { readonly kind: "account" };

/** What the process says. */
export type Notice =
  | { readonly kind: "ready" }
  | { readonly kind: "transition"; readonly transition: Transition }
  | ({ readonly kind: "account" } & Account);

/** What the process knows of what is not ended yet, and the events in its dead-letter store, by consumer. */
export interface Account {
  readonly waiting: number;
  readonly stored: Readonly<Record<string, readonly string[]>>;
}

/** Called at a transition; resolves when it may go on. */
export type Passing = (transition: Transition) => Promise<void>;

/** Obeys the orders of the process that started this one. */
export function obeyOrders(): Passing {
  let armed: Extract<Order, { kind: "arm" }> | undefined;
  let waiting: (() => void)[] = [];
  process.on("message", (order: Order) => {
    if (order.kind === "arm") armed = order;
    if (order.kind === "disarm") armed = undefined;
    if (order.kind !== "go") return;
    for (const goOn of waiting) goOn();
    waiting = [];
  });
  return async (transition) => {
    if (armed?.transition !== transition) return;
    if (armed.act === "die") process.kill(process.pid, "SIGKILL");
    armed = undefined;
    process.send?.({ kind: "transition", transition } satisfies Notice);
    await new Promise<void>((resolve) => waiting.push(resolve));
  };
}

/** A bus whose steps are announced. */
export function announcingBus(bus: Bus, passing: Passing): Bus {
  const wrap = (log: BusLog): BusLog => {
    const [before, after] = log.id.includes(".step")
      ? (["parking", "parked"] as const)
      : (["accepting", "accepted"] as const);
    return {
      ...log,
      append: (record: BusRecord) => between(passing, [before, after], () => log.append(record)),
      openReader: (spec) =>
        log.openReader({
          ...spec,
          onRecord: (record: HeldRecord) => {
            const finish = (): Promise<void> => between(passing, ["finishing", "finished"], () => record.finish());
            spec.onRecord({ ...record, finish });
          },
        }),
    };
  };
  return changeLogs(bus, wrap);
}

/** The bus with each of its logs changed. */
export function changeLogs(bus: Bus, change: (log: BusLog) => BusLog): Bus {
  return {
    ...bus,
    trouble: undefined,
    openLog: async (spec) => change(await bus.openLog(spec)),
    findLog: async (spec) => {
      const log = await bus.findLog(spec);
      return log === undefined ? undefined : change(log);
    },
  };
}

/** Ports whose steps are announced. */
export function announcingPorts(ports: DeliveryPorts, passing: Passing): DeliveryPorts {
  const { sender, deadLetters } = ports;
  return {
    ...ports,
    sender: {
      send: (request) =>
        between(
          passing,
          request.purpose === "deadLetter" ? ["dead-lettering", "dead-lettered"] : ["delivering", "delivered"],
          () => sender.send(request),
        ),
    },
    deadLetters: {
      ...deadLetters,
      append: (letter) => between(passing, ["storing", "stored"], () => deadLetters.append(letter)),
    },
  };
}

async function between<T>(
  passing: Passing,
  [before, after]: readonly [Transition, Transition],
  step: () => Promise<T>,
): Promise<T> {
  await passing(before);
  const result = await step();
  await passing(after);
  return result;
}

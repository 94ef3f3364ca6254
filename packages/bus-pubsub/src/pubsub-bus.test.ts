import { afterAll, beforeAll, describe, jest } from "@jest/globals";
import { describeBus, describeDeadLetterStore } from "@kelvin/bus/contract";
import { findPubsubProblem, openPubsubEmulator, type PubsubEmulator } from "@kelvin/testkit/pubsub-emulator";
import { openPubsubBus, type PubsubBus } from "./pubsub-bus.ts";

// An emulator that shares two cores with everything else takes its time.
jest.setTimeout(60_000);
const problem = findPubsubProblem();
const withEmulator = problem === undefined ? describe : describe.skip;

withEmulator(`on the emulator (${problem ?? "found"})`, () => {
  let emulator: PubsubEmulator;
  beforeAll(async () => {
    emulator = await openPubsubEmulator();
  }, 90_000);
  afterAll(() => emulator.close());
  const openReading = (reading: "stream" | "questions") => (): Promise<PubsubBus> =>
    openPubsubBus({ projectId: "test", emulatorHost: emulator.host, name: "test", silenceMsMax: 10_000, reading });
  const open = openReading("stream");

  describeBus("gcppubsub, by streams", { open, isDurable: true, boundsUnfinished: false });
  describeBus("gcppubsub, by questions", { open: openReading("questions"), isDurable: true, boundsUnfinished: false });

  let stores = 0;
  let storesBus: PubsubBus | undefined;
  describeDeadLetterStore("gcppubsub", {
    async open(bytesMax) {
      storesBus ??= await open();
      stores += 1;
      return storesBus.openDeadLetterStore({ id: `dead/${stores}`, bytesMax });
    },
    close: async () => storesBus?.close(),
  });
});

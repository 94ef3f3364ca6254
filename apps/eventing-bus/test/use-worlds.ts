import { afterEach } from "@jest/globals";
import { openBusWorld, openSink, type BusWorld } from "./bus-world.ts";

/** Opens worlds and sinks that are closed after each test, the last one first. */
export function useWorlds() {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const joined = async (...args: Parameters<typeof openBusWorld>): Promise<BusWorld> => {
    const opened = await openBusWorld(...args);
    closers.push(() => opened.close());
    await opened.bus.joined;
    return opened;
  };
  const sink = async (...args: Parameters<typeof openSink>) => {
    const opened = await openSink(...args);
    closers.push(() => opened.close());
    return opened;
  };
  /** Closes it after the test. */
  const closeLater = (close: () => Promise<unknown>): void => {
    closers.push(close);
  };
  return { joined, sink, closeLater };
}

import { expect, test } from "@jest/globals";
import type { AddressInfo, Server } from "node:net";
import { bindFreeHostPort, bindHostPort } from "./host-ports.ts";

test("a free port is free on every loopback address, and taken from then on", async () => {
  const { port, servers } = await bindFreeHostPort();
  try {
    expect(servers.map((server: Server) => (server.address() as AddressInfo).port)).toEqual(servers.map(() => port));
    await expect(bindHostPort(port)).rejects.toMatchObject({ code: "EADDRINUSE" });
  } finally {
    for (const server of servers) server.close();
  }
});

import { describe, expect, test } from "@jest/globals";
import { formatServer, hostServicesOf, parseServers } from "./server-list.ts";

const parse = (text: string): unknown => parseServers("SERVERS", text, 9092);

describe("parseServers", () => {
  test.each([
    ["a.example", [{ host: "a.example", port: 9092 }]],
    [
      "a.example:1, 10.0.0.7",
      [
        { host: "a.example", port: 1 },
        { host: "10.0.0.7", port: 9092 },
      ],
    ],
    ["[::1]:9", [{ host: "[::1]", port: 9 }]],
  ])("%s", (text, want) => {
    expect(parse(text)).toEqual(want);
  });

  test.each(["", "a,", "http://a:1", "a:99999", "a/b", "me:secret@a"])("%j is refused", (text) => {
    expect(() => parse(text)).toThrow(/^SERVERS ".*" is not host:port$/);
  });
});

test("servers on this machine's loopback are led to by their ports, under the machine's name", () => {
  const servers = parseServers("SERVERS", "localhost:1,[::1]:2,a.example:3", 9);
  expect(servers.map(formatServer)).toEqual(["host.kelvin.internal:1", "host.kelvin.internal:2", "a.example:3"]);
  expect([...hostServicesOf(servers)]).toEqual([
    [1, { host: "localhost", port: 1 }],
    [2, { host: "::1", port: 2 }],
  ]);
});

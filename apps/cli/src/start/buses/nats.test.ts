import { describe, expect, test } from "@jest/globals";
import { parseNatsSettings } from "./nats.ts";

describe("parseNatsSettings", () => {
  test("no server is no setting", () => {
    expect(parseNatsSettings({})).toBeUndefined();
    expect(parseNatsSettings({ NATS_URL: " " })).toBeUndefined();
  });

  test("servers elsewhere are left as they are", () => {
    expect(parseNatsSettings({ NATS_URL: "nats://a.example:4333, tls://b.example,10.0.0.7:4222" })).toMatchObject({
      urls: ["nats://a.example:4333", "tls://b.example:4222", "nats://10.0.0.7:4222"],
      hostServices: new Map(),
    });
  });

  test.each([
    ["nats://localhost:4333", { host: "localhost", port: 4333 }],
    ["127.0.0.1", { host: "127.0.0.1", port: 4222 }],
    ["nats://[::1]:4555", { host: "::1", port: 4555 }],
  ])("%s is reached by the machine's name", (url, want) => {
    expect(parseNatsSettings({ NATS_URL: url })).toMatchObject({
      urls: ["nats://host.kelvin.internal:4222"],
      hostServices: new Map([[4222, want]]),
    });
  });

  test("who we are comes from the URL, else from the environment", () => {
    expect(parseNatsSettings({ NATS_URL: "nats://me:p%40ss@a.example" })).toMatchObject({
      urls: ["nats://a.example:4222"],
      user: "me",
      password: "p@ss",
    });
    const environment = { NATS_URL: "a.example", NATS_USER: "u", NATS_PASSWORD: "p" };
    expect(parseNatsSettings(environment)).toMatchObject({ user: "u", password: "p" });
  });

  test.each([
    ["http://a.example", 'NATS_URL "http://a.example" is not nats://host:port or tls://host:port'],
    ["nats://a:99999", "is not nats://host:port"],
    ["http://me:secret@a.example", 'NATS_URL "http://…@a.example"'],
    ["nats://a,", 'NATS_URL "" is not'],
    ["localhost:4222,localhost:4223", "2 servers on this machine's loopback"],
  ])("%s is refused", (url, message) => {
    expect(() => parseNatsSettings({ NATS_URL: url })).toThrow(message);
  });
});

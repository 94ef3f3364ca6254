import { expect, test } from "@jest/globals";
import { parseBusConfig } from "./config.ts";

test("the least: a name, which is the kind as well", () => {
  expect(parseBusConfig({ BUS_NAME: "stub" })).toMatchObject({
    systemNamespace: "knative-eventing",
    bus: { id: "stub", name: "stub", namespace: "" },
    kind: "stub",
    host: "127.0.0.1",
    httpPort: 8080,
    internalPort: 8090,
    streamBytesMax: 64 * 1024 * 1024,
  });
});

test("a bus of a namespace says which, and what it is made of", () => {
  expect(parseBusConfig({ BUS_NAME: "mine", BUS_NAMESPACE: "shop", BUS_KIND: "stub" })).toMatchObject({
    bus: { id: "shop/mine", name: "mine", namespace: "shop" },
    kind: "stub",
  });
});

test("PORT is known as well, and HTTP_PORT is stronger", () => {
  expect(parseBusConfig({ BUS_NAME: "stub", PORT: "1", POD_IP: "10.0.0.1" })).toMatchObject({
    httpPort: 1,
    host: "0.0.0.0",
  });
  expect(parseBusConfig({ BUS_NAME: "stub", PORT: "1", HTTP_PORT: "2" }).httpPort).toBe(2);
});

test.each<[Record<string, string>, string]>([
  [{}, "BUS_NAME: name the bus"],
  [{ BUS_NAME: "mine" }, 'BUS_KIND must be one of stub, nats, kafka, gcppubsub, was "mine"'],
  [{ BUS_NAME: "mine", BUS_KIND: "rabbit" }, 'was "rabbit"'],
  [{ BUS_NAME: "mine", BUS_NAMESPACE: "shop" }, "BUS_KIND must be one of"],
  [{ BUS_NAME: "stub", STREAM_MIB_MAX: "0" }, 'STREAM_MIB_MAX must be a whole number from 1 to 1048576, was "0"'],
  [{ BUS_NAME: "stub", STREAM_MIB_MAX: "1.5" }, "STREAM_MIB_MAX"],
  [{ BUS_NAME: "stub", HTTP_PORT: "x" }, "HTTP_PORT"],
  [{ BUS_NAME: "nats" }, 'NATS_URL must be a list of nats://host:port or tls://host:port with commas, was ""'],
  [{ BUS_NAME: "nats", NATS_URL: "nats://a:1, http://b" }, "NATS_URL"],
  [{ BUS_NAME: "nats", NATS_URL: "nats://a:1", NATS_PASSWORD: "p" }, "NATS_PASSWORD needs NATS_USER"],
])("%j is refused", (env, problem) => {
  expect(() => parseBusConfig(env)).toThrow(problem);
});

test("secrets are in no message", () => {
  const env = { BUS_NAME: "nats", NATS_URL: "nope", NATS_USER: "u", NATS_PASSWORD: "secret", NATS_CREDS: "secret" };
  expect(() => parseBusConfig(env)).toThrow(/^((?!secret).)*$/);
});

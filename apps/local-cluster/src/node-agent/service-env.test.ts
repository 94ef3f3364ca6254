import { expect, test } from "@jest/globals";
import { makeServiceEnv } from "./service-env.ts";

test("a Service with an address is linked, others are not", () => {
  const services = [
    {
      metadata: { name: "redis-main" },
      spec: { clusterIP: "10.96.1.1", ports: [{ name: "db-port", port: 6379 }] },
    },
    { metadata: { name: "headless" }, spec: { clusterIP: "None", ports: [{ port: 80 }] } },
    { metadata: { name: "alias" }, spec: { type: "ExternalName", externalName: "example.com" } },
  ];
  expect(makeServiceEnv(services)).toEqual({
    REDIS_MAIN_SERVICE_HOST: "10.96.1.1",
    REDIS_MAIN_SERVICE_PORT: "6379",
    REDIS_MAIN_SERVICE_PORT_DB_PORT: "6379",
    REDIS_MAIN_PORT: "tcp://10.96.1.1:6379",
    REDIS_MAIN_PORT_6379_TCP: "tcp://10.96.1.1:6379",
    REDIS_MAIN_PORT_6379_TCP_PROTO: "tcp",
    REDIS_MAIN_PORT_6379_TCP_PORT: "6379",
    REDIS_MAIN_PORT_6379_TCP_ADDR: "10.96.1.1",
  });
});

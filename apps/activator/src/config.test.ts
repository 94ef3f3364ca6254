import { expect, test } from "@jest/globals";
import { parseConfig } from "./config.ts";

test("an empty environment gives the documented defaults", () => {
  expect(parseConfig({})).toMatchObject({
    systemNamespace: "knative-serving",
    ports: { public: 8080, local: 8081, routed: 8082, internal: 8090 },
    isRequestLogOn: false,
  });
});

test("a bad value is refused by name", () => {
  expect(() => parseConfig({ HTTP_PORT: "http" })).toThrow(
    'HTTP_PORT is "http"; it must be a whole number from 0 to 65535',
  );
  expect(() => parseConfig({ DRAIN_SECONDS: "-1" })).toThrow("DRAIN_SECONDS");
});

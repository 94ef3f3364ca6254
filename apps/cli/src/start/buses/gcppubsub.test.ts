import { afterAll, expect, test } from "@jest/globals";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Environment, OpenBus } from "./bus.ts";
import { chooseGcpPubSub } from "./gcppubsub.ts";

const directory = mkdtempSync(join(tmpdir(), "kelvin-gcppubsub-"));
const key = join(directory, "key.json");
writeFileSync(key, '{"type":"service_account"}');
afterAll(() => rmSync(directory, { recursive: true }));

const open = (environment: Environment): Promise<OpenBus> =>
  chooseGcpPubSub(environment).open({ dataDir: directory, say: () => undefined });

test("the service is reached with the project and its key", async () => {
  const bus = await open({ GOOGLE_CLOUD_PROJECT: "shop", GOOGLE_APPLICATION_CREDENTIALS: key });
  expect(bus.ports).toEqual([443]);
  expect(bus.settings.map(({ values }) => values)).toEqual([
    { GOOGLE_CLOUD_PROJECT: "shop", GOOGLE_APPLICATION_CREDENTIALS: "/var/secrets/google/key.json" },
    { "key.json": '{"type":"service_account"}' },
  ]);
});

test("an emulator comes before it, and needs no project", async () => {
  const { settings, hostServices } = await open({
    PUBSUB_EMULATOR_HOST: "localhost:1",
    GOOGLE_APPLICATION_CREDENTIALS: key,
  });
  expect(settings.map(({ values }) => values)).toEqual([
    { PUBSUB_EMULATOR_HOST: "host.kelvin.internal:1", GOOGLE_CLOUD_PROJECT: "kelvin" },
  ]);
  expect([...hostServices.keys()]).toEqual([1]);
});

test.each([
  [{ PUBSUB_EMULATOR_HOST: "a:1,b:2" }, "PUBSUB_EMULATOR_HOST: name one emulator"],
  [{ GOOGLE_APPLICATION_CREDENTIALS: key }, "GOOGLE_CLOUD_PROJECT: name the project"],
  [
    { GOOGLE_CLOUD_PROJECT: "p", GOOGLE_APPLICATION_CREDENTIALS: "/nonexistent" },
    "GOOGLE_APPLICATION_CREDENTIALS: ENOENT",
  ],
])("%j is refused", (environment, message) => {
  expect(() => chooseGcpPubSub(environment)).toThrow(message);
});

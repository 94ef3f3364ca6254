import { expect, test } from "@jest/globals";
import { pubsubOptionsOf } from "./open-pubsub.ts";

const PROJECT = { GOOGLE_CLOUD_PROJECT: "my-project" };

test("the least: a project, with the machine's own credentials", () => {
  expect(pubsubOptionsOf(PROJECT)).toEqual({ projectId: "my-project", name: "eventing-bus" });
});

test("a key, as the founding bus had it mounted", () => {
  const env = { ...PROJECT, POD_NAME: "b-1", GOOGLE_APPLICATION_CREDENTIALS: "/var/secrets/google/key.json" };
  expect(pubsubOptionsOf(env)).toEqual({
    projectId: "my-project",
    name: "b-1",
    keyFile: "/var/secrets/google/key.json",
  });
});

test("an emulator asks for no credentials, whatever is there", () => {
  const env = { ...PROJECT, PUBSUB_EMULATOR_HOST: "pubsub.kelvin:8085", GOOGLE_APPLICATION_CREDENTIALS: "/x" };
  expect(pubsubOptionsOf(env)).toEqual({
    projectId: "my-project",
    name: "eventing-bus",
    emulatorHost: "pubsub.kelvin:8085",
  });
});

test.each(["my-project", "example.com:my-project", "test"])("%s is a project", (id) => {
  expect(pubsubOptionsOf({ GOOGLE_CLOUD_PROJECT: id }).projectId).toBe(id);
});

test.each<[Record<string, string>, string]>([
  [{ GOOGLE_CLOUD_PROJECT: "" }, "GOOGLE_CLOUD_PROJECT must be the id of a project (small letters, digits and dashes"],
  [{ GOOGLE_CLOUD_PROJECT: "123456" }, "GOOGLE_CLOUD_PROJECT"],
  [{ GOOGLE_CLOUD_PROJECT: "My Project" }, 'was "My Project"'],
  [{ GOOGLE_CLOUD_PROJECT: "projects/my-project" }, "GOOGLE_CLOUD_PROJECT"],
  [{ PUBSUB_EMULATOR_HOST: "localhost" }, 'PUBSUB_EMULATOR_HOST must be host:port, was "localhost"'],
  [{ PUBSUB_EMULATOR_HOST: "http://localhost:8085" }, "PUBSUB_EMULATOR_HOST must be host:port"],
  [{ PUBSUB_EMULATOR_HOST: "localhost:70000" }, "PUBSUB_EMULATOR_HOST"],
  [{ GOOGLE_APPLICATION_CREDENTIALS: "key.json" }, "GOOGLE_APPLICATION_CREDENTIALS must be the whole path"],
])("%j is refused", (env, problem) => {
  expect(() => pubsubOptionsOf({ ...PROJECT, ...env })).toThrow(problem);
});

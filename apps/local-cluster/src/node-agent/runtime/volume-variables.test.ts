import { expect, test } from "@jest/globals";
import { nameVolumes } from "./volume-variables.ts";

const mount = { source: "/data/pods/1/volumes/logs", target: "/var/log/app" };

test("variables that name a volume's place, or one in it, get where it is", () => {
  const env = { LOG_DIR: "/var/log/app", FILE: "/var/log/app/a.log", OTHER: "/var/log/application" };
  expect(nameVolumes(env, [mount])).toEqual({
    LOG_DIR: mount.source,
    FILE: `${mount.source}/a.log`,
    OTHER: "/var/log/application",
  });
});

test("a volume that no variable names is refused, with the remedy", () => {
  expect(() => nameVolumes({ OTHER: "/var/log" }, [mount])).toThrow(
    /"\/var\/log\/app" on the loopback network.*variable/,
  );
});

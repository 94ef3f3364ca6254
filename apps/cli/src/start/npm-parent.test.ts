import { expect, test } from "@jest/globals";
import { followNpm, isNpm } from "./npm-parent.ts";

test.each([
  ["npm start --data-dir /d", true],
  ["npm exec kelvin start", true],
  ["node\0/usr/lib/node_modules/npm/bin/npm-cli.js\0start", true],
  ["/usr/bin/npx\0kelvin", true],
  ["-bash", false],
  ["bash\0-c\0npm start", false],
  ["node\0/home/npm/server.js", false],
  ["", false],
])("%j is npm: %s", (command, wanted) => {
  expect(isNpm(command)).toBe(wanted);
});

test("the end of npm is told once, that of a shell is not", async () => {
  const told: string[] = [];
  const gone = Promise.withResolvers<void>();
  const [ofNpm, ofShell] = [{ ppid: 7 }, { ppid: 7 }];
  const shell = followNpm(
    ofShell,
    () => told.push("shell"),
    () => "bash",
  );
  const npm = followNpm(
    ofNpm,
    () => {
      told.push("npm");
      gone.resolve();
    },
    () => "npm start",
  );
  ofNpm.ppid = 1;
  ofShell.ppid = 1;
  // A timer without claim on the process would not keep it: this one does.
  const waiting = setInterval(() => undefined, 1_000);
  await gone.promise;
  clearInterval(waiting);
  expect(told).toEqual(["npm"]);
  npm.close();
  shell.close();
});

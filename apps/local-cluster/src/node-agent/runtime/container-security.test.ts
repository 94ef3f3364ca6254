import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pod } from "@kelvin/kube";
import type { Image } from "../images/image-source.ts";
import { noSecurity, securityOf } from "./container-security.ts";
import { canHaveUser } from "./identity-map.ts";
import { privilegeWords } from "./privileges.ts";

let rootfs = "";
beforeAll(() => {
  rootfs = mkdtempSync(join(tmpdir(), "kelvin-users-"));
  mkdirSync(join(rootfs, "etc"));
  writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n");
  writeFileSync(join(rootfs, "etc/group"), "root:x:0:\nwww:x:34:\nlog:x:40:web,root\n");
});
afterAll(() => {
  rmSync(rootfs, { recursive: true, force: true });
});

const image = (part: Partial<Image> = {}): Image => ({
  id: "x",
  entrypoint: [],
  cmd: [],
  env: {},
  workingDir: "",
  user: "",
  needsShell: false,
  ...part,
});
type Context = NonNullable<NonNullable<Pod["spec"]>["containers"][number]["securityContext"]>;
const secure = (
  found: Image,
  own: Context = {},
  shared: NonNullable<Pod["spec"]>["securityContext"] = {},
): ReturnType<typeof securityOf> => {
  const container = { name: "c", securityContext: own };
  return securityOf(
    container,
    {
      metadata: { name: "p", namespace: "n", uid: "u" },
      spec: { containers: [container], securityContext: shared },
    } as Pod,
    found,
  );
};

describe("whom a container runs as", () => {
  test.each([
    ["", { uid: 0, gid: 0, groups: [40] }],
    ["web", { uid: 33, gid: 34, groups: [40] }],
    ["33", { uid: 33, gid: 34, groups: [40] }],
    ["web:root", { uid: 33, gid: 0, groups: [] }],
    ["7777", { uid: 7777, gid: 0, groups: [] }],
    ["7777:8", { uid: 7777, gid: 8, groups: [] }],
  ])("image user %j", (user, expected) => {
    expect(secure(image({ rootfs, user })).user).toEqual(expected);
  });

  test("the container's word counts before the Pod's, and that before the image's", () => {
    const shared = { runAsUser: 5, runAsGroup: 6, fsGroup: 9, supplementalGroups: [12] };
    expect(secure(image({ rootfs, user: "web" }), { runAsUser: 33 }, shared).user).toEqual({
      uid: 33,
      gid: 6,
      groups: [9, 12, 40],
    });
    expect(secure(image({ rootfs, user: "web" }), {}, shared).user?.uid).toBe(5);
  });

  test("a directory runs as whoever started the cluster", () => {
    expect(secure(image(), { runAsNonRoot: true }).user).toBeUndefined();
  });

  test.each([
    ["a name that is not there", image({ user: "ghost" }), {}, "unable to find user ghost"],
    ["root where that is forbidden", image(), { runAsNonRoot: true }, "image will run as root"],
    ["a name where root is forbidden", image({ user: "web" }), { runAsNonRoot: true }, "non-numeric user (web)"],
    ["user 0 where root is forbidden", image(), { runAsNonRoot: true, runAsUser: 0 }, "breaks non-root policy"],
    ["privileged", image(), { privileged: true }, "does not allow"],
  ] as [string, Image, Context, string][])("%s is refused", (...[, found, own, message]) => {
    expect(() => secure({ ...found, rootfs }, own)).toThrow(message);
  });
});

describe("privilegeWords", () => {
  const words = (part: Partial<typeof noSecurity>, ...kept: "sys_chroot"[]): string =>
    privilegeWords({ ...noSecurity, ...part }, kept)
      .slice(1)
      .join(" ");

  test("nothing is wrapped when nothing is asked for", () => {
    expect(words({})).toBe("");
  });

  test.each([
    [{ drop: ["all"], add: ["net_bind_service"] }, "--inh-caps=-all --bounding-set=-all,+net_bind_service --"],
    [{ drop: ["net_raw", "kill"], add: ["kill"] }, "--inh-caps=-all --bounding-set=-net_raw --"],
    [{ drop: [], add: ["kill"] }, ""],
  ])("capabilities %j", (capabilities, expected) => {
    expect(words({ capabilities })).toBe(expected);
  });

  test("another user keeps what the change of root needs, and no more", () => {
    const user = { uid: 5, gid: 6, groups: [7, 8] };
    expect(words({ user, mayGainPrivileges: false }, "sys_chroot")).toBe(
      "--reuid=5 --regid=6 --groups=7,8 --inh-caps=-all,+sys_chroot --ambient-caps=-all,+sys_chroot --no-new-privs --",
    );
  });
});

test.each([
  ["         0          0 4294967295\n", 65_534, true],
  ["         0       1000          1\n", 0, true],
  ["         0       1000          1\n", 1, false],
  ["0 1000 1\n1 100000 65536\n", 65_534, true],
])("who exists by the map %j", (map, uid, expected) => {
  expect(canHaveUser(uid, map)).toBe(expected);
});

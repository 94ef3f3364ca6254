import { describe, expect, test } from "@jest/globals";
import { lockedOptionsOf } from "./host-place.ts";
import { type MountPlace, planMounts } from "./mounts.ts";

const known = new Set(["/", "/etc", "/etc/hosts", "/srv", "/run", "/var", "/var/run", "/scratch", "/opt"]);
const place: MountPlace = {
  exists: (path) => known.has(path),
  isDirectory: (path) => !path.endsWith(".txt"),
  resolve: (path) => (path === "/var/run" ? "/run" : path),
  hasMountsBelow: (directory) => directory === "/opt",
  entries: (directory) =>
    directory === "/opt"
      ? [{ name: "tool", kind: "directory" }]
      : [
          { name: "bin", kind: "link", link: "usr/bin" },
          { name: "etc", kind: "directory" },
          { name: "scratch", kind: "directory" },
          { name: "stamp.txt", kind: "file" },
        ],
  lockedOptions: () => ["nosuid"],
};

describe("planMounts", () => {
  test("targets that exist need one mount command", () => {
    const plan = planMounts([{ source: "/data/my hosts", target: "/etc/hosts" }], "/scratch", place);
    expect(plan.script).toBe("mount --all --fstab '/scratch/mounts' &&");
    expect(plan.table).toBe("/data/my\\040hosts /etc/hosts none rbind 0 0\n");
  });

  test("a missing target is made on an overlay, never on the host", () => {
    const mounts = [
      { source: "/data/token", target: "/var/run/secrets/token" },
      { source: "/data/file.txt", target: "/srv/deep/file.txt" },
    ];
    const plan = planMounts(mounts, "/scratch", place);
    expect(plan.script.split("\n")).toEqual([
      "mount -t overlay overlay -o 'lowerdir=/run,upperdir=/scratch/overlay-0/upper,workdir=/scratch/overlay-0/work' '/run' &&",
      "mount -t overlay overlay -o 'lowerdir=/srv,upperdir=/scratch/overlay-1/upper,workdir=/scratch/overlay-1/work' '/srv' &&",
      "mkdir -p '/srv/deep' && touch '/srv/deep/file.txt' &&",
      "mkdir -p '/var/run/secrets/token' &&",
      "mount --all --fstab '/scratch/mounts' &&",
    ]);
    expect(plan.directories).toContain("/scratch/overlay-1/work");
  });

  test("a quote in a path stays a quote", () => {
    expect(planMounts([{ source: "/data/d", target: "/srv/it's" }], "/s", place).script).toContain(
      `mkdir -p '/srv/it'\\''s'`,
    );
  });

  test("a target that needs a new directory in the root gets a root of its own, with the host's directories in it", () => {
    const mounts = [
      { source: "/data/w", target: "/workspace/" },
      { source: "/data/hosts", target: "/etc/hosts" },
    ];
    const plan = planMounts(mounts, "/scratch/pod", place);
    expect(plan.table.split("\n")).toEqual([
      "/data/hosts /etc/hosts none rbind 0 0",
      "/scratch/pod/root /scratch/pod/root none bind 0 0",
      "/scratch /scratch/pod/root/scratch none rbind 0 0",
      "/etc /scratch/pod/root/etc none rbind 0 0",
      "/stamp.txt /scratch/pod/root/stamp.txt none rbind 0 0",
      "/data/w /scratch/pod/root/workspace none rbind 0 0",
      "",
    ]);
    expect(plan.directories).toEqual(expect.arrayContaining(["/scratch/pod/root/workspace", "/scratch/pod/root/etc"]));
    expect(plan.links).toEqual([{ path: "/scratch/pod/root/bin", link: "usr/bin" }]);
    expect(plan.script).toContain("pivot_root '/scratch/pod/root'");
  });

  test("a mount inside another is made after it, in what that one mounts", () => {
    const mounts = [
      { source: "/data/inner", target: "/srv/outer/inner" },
      { source: "/data/outer", target: "/srv/outer" },
    ];
    const plan = planMounts(mounts, "/scratch", place);
    expect(plan.table.split("\n").map((line) => line.split(" ")[1])).toEqual([
      "/srv/outer",
      "/srv/outer/inner",
      undefined,
    ]);
    expect(plan.directories).toContain("/data/outer/inner");
    expect(plan.script).not.toContain("/srv/outer/inner");
  });

  test("a directory with mounts in it is covered by a mirror, for an overlay would not show them", () => {
    const plan = planMounts([{ source: "/data/d", target: "/opt/new/deep" }], "/scratch/pod", place);
    expect(plan.table.split("\n").slice(0, -1)).toEqual([
      "/opt/tool /scratch/pod/mirror-%2Fopt/tool none rbind 0 0",
      "/scratch/pod/mirror-%2Fopt /opt none rbind 0 0",
      "/data/d /opt/new/deep none rbind 0 0",
    ]);
    expect(plan.directories).toContain("/scratch/pod/mirror-%2Fopt/new/deep");
  });

  test("and so is one that holds the Pod's own files, for each container would get a copy of them", () => {
    const plan = planMounts([{ source: "/srv/pod/volume", target: "/srv/new" }], "/srv/pod/scratch", place);
    expect(plan.script).toBe("mount --all --fstab '/srv/pod/scratch/mounts' &&");
    expect(plan.table).toContain("/srv/pod/scratch/mirror-%2Fsrv /srv none rbind 0 0");
  });

  test("a read-only mount keeps the options that may not be dropped", () => {
    const plan = planMounts([{ source: "/data/d", target: "/srv", isReadOnly: true }], "/scratch", place);
    expect(plan.table).toBe("/data/d /srv none rbind,ro,nosuid 0 0\n");
  });
});

test("the options of a path are those of the nearest mount that is seen", () => {
  const table = [
    "21 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw",
    "22 21 0:5 / /home/my\\040home rw,nosuid,nodev,relatime shared:1 - ext4 /dev/sdb1 rw",
    "23 21 0:6 / /homestead rw,noexec - ext4 /dev/sdc1 rw",
  ].join("\n");
  expect(lockedOptionsOf("/home/my home/data", table)).toEqual(["nosuid", "nodev", "relatime"]);
  expect(lockedOptionsOf("/home/other", table)).toEqual(["relatime"]);
});

import { describe, expect, test } from "@jest/globals";
import { type MountPlace, planMounts } from "./mounts.ts";

const known = new Set(["/", "/etc", "/etc/hosts", "/srv", "/run", "/var", "/var/run"]);
const place: MountPlace = {
  exists: (path) => known.has(path),
  isDirectory: (path) => !path.endsWith(".txt"),
  resolve: (path) => (path === "/var/run" ? "/run" : path),
};

describe("planMounts", () => {
  test("targets that exist need one mount command", () => {
    const plan = planMounts([{ source: "/data/my hosts", target: "/etc/hosts" }], "/scratch", place);
    expect(plan.script).toBe("mount --all --fstab '/scratch/mounts' &&");
    expect(plan.table).toBe("/data/my\\040hosts /etc/hosts none bind 0 0\n");
  });

  test("a missing target is made on an overlay, never on the host", () => {
    const mounts = [
      { source: "/data/token", target: "/var/run/secrets/token" },
      { source: "/data/file.txt", target: "/srv/deep/file.txt" },
    ];
    expect(planMounts(mounts, "/scratch", place).script.split("\n")).toEqual([
      "mkdir -p '/scratch/overlay-0/upper' '/scratch/overlay-0/work' && mount -t overlay overlay -o 'lowerdir=/run,upperdir=/scratch/overlay-0/upper,workdir=/scratch/overlay-0/work' '/run' &&",
      "mkdir -p '/scratch/overlay-1/upper' '/scratch/overlay-1/work' && mount -t overlay overlay -o 'lowerdir=/srv,upperdir=/scratch/overlay-1/upper,workdir=/scratch/overlay-1/work' '/srv' &&",
      "mkdir -p '/var/run/secrets/token' &&",
      "mkdir -p '/srv/deep' && touch '/srv/deep/file.txt' &&",
      "mount --all --fstab '/scratch/mounts' &&",
    ]);
  });

  test("a quote in a path stays a quote", () => {
    expect(planMounts([{ source: "/data/d", target: "/srv/it's" }], "/s", place).script).toContain(
      `mkdir -p '/srv/it'\\''s'`,
    );
  });

  test("a target that would need a new directory in the root is refused with a remedy", () => {
    expect(() => planMounts([{ source: "/data/d", target: "/workspace" }], "/s", place)).toThrow(
      /mountPath "\/workspace" cannot be made/,
    );
  });
});

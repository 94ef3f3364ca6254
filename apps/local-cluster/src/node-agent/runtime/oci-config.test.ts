import { describe, expect, test } from "@jest/globals";
import { noSecurity } from "./container-security.ts";
import { makeOciConfig, type OciContainer } from "./oci-config.ts";

const container: OciContainer = {
  command: ["node", "app.js"],
  env: { A: "1=2", B: "" },
  workingDir: "srv",
  root: "/pods/1/root",
  hostname: "web",
  security: noSecurity,
  mounts: [],
  cgroupsPath: undefined,
  isMachineRoot: true,
};

function configOf(changes: Partial<OciContainer>): {
  process: { capabilities: Record<string, string[]>; user: object; noNewPrivileges: boolean };
  root: object;
  mounts: { destination: string; options: string[] }[];
  linux: { namespaces: { type: string }[]; cgroupsPath?: string };
} {
  return makeOciConfig({ ...container, ...changes }) as never;
}

function capabilitiesFor(drop: string[], add: string[]): string[] {
  const { capabilities } = configOf({ security: { ...noSecurity, capabilities: { drop, add } } }).process;
  expect(capabilities["effective"]).toEqual(capabilities["bounding"]);
  return capabilities["bounding"] ?? [];
}

describe("the configuration of a bundle", () => {
  test("names the command, its environment and directory", () => {
    expect(configOf({})).toMatchObject({
      process: { args: ["node", "app.js"], env: ["A=1=2", "B="], cwd: "/srv", noNewPrivileges: false },
      root: { path: "/pods/1/root", readonly: false },
      hostname: "web",
    });
  });

  test("takes what is dropped, and gives what is added, to what engines leave to root", () => {
    expect(capabilitiesFor([], [])).toHaveLength(14);
    expect(capabilitiesFor(["net_raw"], ["sys_time", "chown"])).toHaveLength(14);
    expect(capabilitiesFor(["net_raw"], ["sys_time"])).toContain("CAP_SYS_TIME");
    expect(capabilitiesFor(["all"], ["net_bind_service"])).toEqual(["CAP_NET_BIND_SERVICE"]);
    expect(capabilitiesFor(["sys_admin"], ["all"])).not.toContain("CAP_SYS_ADMIN");
    expect(capabilitiesFor([], ["all"])).toContain("CAP_SYS_ADMIN");
  });

  test("says who it runs as, and what it may not do", () => {
    const user = { uid: 5, gid: 6, groups: [6, 7] };
    const security = { ...noSecurity, user, isRootReadOnly: true, mayGainPrivileges: false };
    expect(configOf({ security })).toMatchObject({
      process: { user: { uid: 5, gid: 6, additionalGids: [6, 7] }, noNewPrivileges: true },
      root: { readonly: true },
    });
  });

  test("asks for nothing that an ordinary user's namespace has not", () => {
    const { mounts, process } = configOf({ isMachineRoot: false });
    expect(mounts.flatMap(({ options }) => options)).not.toContain("gid=5");
    expect(process.user).toEqual({ uid: 0, gid: 0 });
  });

  test("puts it into its control group, and shows it no more than that", () => {
    expect(configOf({}).linux).not.toHaveProperty("cgroupsPath");
    const { linux, mounts } = configOf({ cgroupsPath: "kelvin/a" });
    expect(linux).toMatchObject({ cgroupsPath: "kelvin/a" });
    expect(linux.namespaces.map(({ type }) => type)).toEqual(["pid", "ipc", "uts", "mount", "cgroup"]);
    expect(mounts.map(({ destination }) => destination)).toContain("/sys/fs/cgroup");
  });

  test("mounts volumes after what every container has, with the options that may not be dropped", () => {
    const { mounts } = configOf({
      mounts: [
        { source: "/a", inside: "/data", isReadOnly: false, lockedOptions: [] },
        { source: "/b", inside: "/data/b", isReadOnly: true, lockedOptions: ["nosuid"] },
      ],
    });
    expect(mounts.slice(-2)).toEqual([
      { destination: "/data", type: "bind", source: "/a", options: ["rbind", "rprivate"] },
      { destination: "/data/b", type: "bind", source: "/b", options: ["rbind", "rprivate", "ro", "nosuid"] },
    ]);
  });
});

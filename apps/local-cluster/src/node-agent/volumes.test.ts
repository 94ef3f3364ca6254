import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigMap, type Pod, Secret } from "@kelvin/kube";
import { openFakeKube } from "@kelvin/testkit";
import { volumeSourcesOf } from "./volume-sources.ts";
import { mountsOf, prepareVolumes } from "./volumes.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kelvin-volumes-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

type Volumes = NonNullable<NonNullable<Pod["spec"]>["volumes"]>;

function makePod(volumes: Volumes, fsGroup?: number): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default", uid: "1", labels: { app: "a" } },
    spec: {
      volumes,
      ...(fsGroup !== undefined && { securityContext: { fsGroup } }),
      containers: [{ name: "c", image: "dev.local/x", resources: { limits: { cpu: "1500m" } } }],
    },
  };
}

async function prepare(volumes: Volumes, fsGroup?: number): Promise<Awaited<ReturnType<typeof prepareVolumes>>> {
  const kube = openFakeKube();
  const metadata = { name: "cm", namespace: "default" };
  await kube.create(ConfigMap, { apiVersion: "v1", kind: "ConfigMap", metadata, data: { a: "one", b: "two" } });
  const data = { key: Buffer.from("secret").toString("base64") };
  await kube.create(Secret, { apiVersion: "v1", kind: "Secret", metadata: { ...metadata, name: "s" }, data });
  const scope = { pod: makePod(volumes, fsGroup), podIp: "10.44.0.9", hostIp: "10.44.0.1", directory };
  const mintToken = (): Promise<{ token: string; expiresAtMs: number }> =>
    Promise.resolve({ token: "t", expiresAtMs: 1_000 });
  return prepareVolumes(scope, { kube, mintToken, nowMs: () => 0 });
}

const read = (...path: string[]): string => readFileSync(join(directory, ...path), "utf8");
const modeOf = (...path: string[]): number => statSync(join(directory, ...path)).mode & 0o777;

describe("prepareVolumes", () => {
  test("items choose keys, and modes are exactly those asked for", async () => {
    const items = [{ key: "a", path: "deep/a", mode: 0o666 }];
    await prepare([
      { name: "one", configMap: { name: "cm", items } },
      { name: "two", secret: { secretName: "s", defaultMode: 0o400 } },
    ]);
    expect(read("one", "deep", "a")).toBe("one");
    expect(modeOf("one", "deep", "a")).toBe(0o666);
    expect([read("two", "key"), modeOf("two", "key")]).toEqual(["secret", 0o400]);
  });

  test("the Pod's group may read what its mode keeps from others, and owns it where root runs the cluster", async () => {
    const group = process.getuid?.() === 0 ? 2_000 : (process.getgid?.() ?? 0);
    await prepare([{ name: "two", secret: { secretName: "s", defaultMode: 0o400 } }], group);
    expect(modeOf("two", "key")).toBe(0o440);
    expect(statSync(join(directory, "two", "key")).gid).toBe(group);
  });

  test("a projected volume joins its sources under one mode; a token in it sets the time of the next write", async () => {
    const sources = [
      { configMap: { name: "cm", items: [{ key: "b", path: "b" }] } },
      { serviceAccountToken: { path: "token" } },
      {
        downwardAPI: {
          items: [
            { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
            { path: "cpu", resourceFieldRef: { containerName: "c", resource: "limits.cpu" } },
            { path: "millis", resourceFieldRef: { containerName: "c", resource: "limits.cpu", divisor: "1m" } },
          ],
        },
      },
    ];
    const { refreshAtMs } = await prepare([{ name: "all", projected: { sources, defaultMode: 0o440 } }]);
    expect(["b", "token", "labels", "cpu", "millis"].map((name) => read("all", name))).toEqual([
      "two",
      "t",
      'app="a"',
      "2",
      "1500",
    ]);
    expect(modeOf("all", "token")).toBe(0o440);
    expect(refreshAtMs).toBe(800);
  });

  test.each([
    [{ configMap: { name: "none" } }, 'configmap "none" not found'],
    [
      { hostPath: { path: "/proc/version", type: "Directory" } },
      "hostPath type check failed: /proc/version is not a directory",
    ],
    [{ nfs: { server: "x", path: "/" } }, 'volume "v" is of kind "nfs", which the local cluster does not have'],
  ])("%j fails in the kubelet's words", async (volume, message) => {
    await expect(prepare([{ name: "v", ...volume }])).rejects.toThrow(
      `MountVolume.SetUp failed for volume "v" : ${message}`,
    );
  });
});

describe("mountsOf", () => {
  const mount = async (more: object, volume: object = { emptyDir: {} }): Promise<ReturnType<typeof mountsOf>> => {
    const volumes = await prepare([{ name: "v", ...volume }]);
    const volumeMounts = [{ name: "v", mountPath: "/m", ...more }];
    return mountsOf({ name: "c", image: "", volumeMounts }, volumes, new Map([["POD", "p-1"]]));
  };

  test("what the API fills is read-only, and so is what asks for it", async () => {
    expect(await mount({})).toEqual([{ source: join(directory, "v"), target: "/m" }]);
    expect(await mount({ readOnly: true })).toMatchObject([{ isReadOnly: true }]);
    expect(await mount({}, { configMap: { name: "cm" } })).toMatchObject([{ isReadOnly: true }]);
  });

  test("a subPath is made where it is missing, and one with variables is expanded", async () => {
    expect(await mount({ subPathExpr: "logs/$(POD)" })).toMatchObject([{ source: join(directory, "v/logs/p-1") }]);
    expect(statSync(join(directory, "v/logs/p-1")).isDirectory()).toBe(true);
  });

  test("a subPath of a file that the API fills is the file of now", async () => {
    const [found] = await mount({ subPath: "a" }, { configMap: { name: "cm" } });
    expect(found?.source).toBe(join(directory, "v", "..0", "a"));
  });

  test("a link that leads out of the volume is not followed", async () => {
    await mount({});
    writeFileSync(join(directory, "outside"), "");
    symlinkSync("../outside", join(directory, "v", "link"));
    await expect(mount({ subPath: "link" })).rejects.toThrow('subPath "link" leaves the volume');
  });
});

test("the sources of a Pod's volumes are those of projected ones too", () => {
  const pod = makePod([
    { name: "a", configMap: { name: "one" } },
    { name: "b", projected: { sources: [{ secret: { name: "two" } }, { downwardAPI: {} }] } },
  ]);
  expect(volumeSourcesOf(pod)).toEqual({ configMaps: new Set(["one"]), secrets: new Set(["two"]), usesPod: true });
});

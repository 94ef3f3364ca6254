import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { InvalidError } from "./errors.ts";
import { loadKubeConfig } from "./kube-config.ts";
import { openTokenFile } from "./token-file.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kube-config-"));
});
afterEach(() => rm(directory, { recursive: true }));

async function write(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

function kubeconfig(user: object, cluster: object = { server: "https://host:6443" }): string {
  return JSON.stringify({
    "current-context": "c",
    contexts: [
      { name: "c", context: { cluster: "k", user: "u", namespace: "n" } },
      { name: "other", context: { cluster: "k" } },
    ],
    clusters: [{ name: "k", cluster }],
    users: [{ name: "u", user }],
  });
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

describe("kubeconfig", () => {
  test("token, CA data and the context's namespace", async () => {
    const cluster = { server: "https://host:6443", "certificate-authority-data": base64("CA") };
    const path = await write("config", kubeconfig({ token: "t" }, cluster));
    const config = await loadKubeConfig({ path });
    expect(config).toMatchObject({ server: "https://host:6443", caPem: "CA", namespace: "n" });
    expect(await config.authorization?.(false)).toBe("Bearer t");
  });

  test("token file and certificate files, relative to the kubeconfig", async () => {
    await write("token", "from-file\n");
    await write("cert.pem", "CERT");
    await write("key.pem", "KEY");
    const user = { tokenFile: "token", "client-certificate": "cert.pem", "client-key": "key.pem" };
    const config = await loadKubeConfig({ env: { KUBECONFIG: `:${await write("config", kubeconfig(user))}` } });
    expect(config).toMatchObject({ certPem: "CERT", keyPem: "KEY" });
    expect(await config.authorization?.(false)).toBe("Bearer from-file");
  });

  test("password, another context without a user, TLS settings", async () => {
    const cluster = { server: "https://h", "insecure-skip-tls-verify": true, "tls-server-name": "name" };
    const path = await write("config", kubeconfig({ username: "u", password: "p" }, cluster));
    expect(await (await loadKubeConfig({ path })).authorization?.(false)).toBe(`Basic ${base64("u:p")}`);
    const other = await loadKubeConfig({ path, context: "other" });
    expect(other).toEqual({ server: "https://h", skipTlsVerify: true, tlsServerName: "name", namespace: "default" });
  });

  test("an exec plugin is run by the official client", async () => {
    const credential = {
      apiVersion: "client.authentication.k8s.io/v1",
      kind: "ExecCredential",
      status: { token: "x" },
    };
    const args = ["-e", `console.log(${JSON.stringify(JSON.stringify(credential))})`];
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: process.execPath,
      args,
      interactiveMode: "Never",
    };
    const config = await loadKubeConfig({ path: await write("config", kubeconfig({ exec })) });
    expect(await config.authorization?.(false)).toBe("Bearer x");
  });

  test.each([
    ["{", "is not YAML"],
    ["{}", "current-context is not set"],
    ['{"current-context": "gone"}', 'contexts has no entry named "gone"'],
    [kubeconfig({}, {}), "the cluster has no server"],
    [kubeconfig({}, { server: "host" }), 'server "host" is not a URL'],
    [kubeconfig({ "client-key": "gone.pem" }), 'client-key "gone.pem" cannot be read'],
  ])("%s is refused with the reason", async (text, message) => {
    const loading = loadKubeConfig({ path: await write("config", text) });
    await expect(loading).rejects.toThrow(InvalidError);
    await expect(loading).rejects.toThrow(message);
  });

  test("a missing file is named", async () => {
    await expect(loadKubeConfig({ path: join(directory, "gone") })).rejects.toThrow("gone");
    await expect(loadKubeConfig({ env: { HOME: directory } })).rejects.toThrow(join(directory, ".kube", "config"));
  });
});

describe("in a Pod", () => {
  const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "8443" };

  test("the mounted ServiceAccount is used", async () => {
    await write("token", "t");
    await write("ca.crt", "CA");
    await write("namespace", "knative-serving\n");
    const config = await loadKubeConfig({ env, serviceAccountDir: directory });
    expect(config).toMatchObject({ server: "https://[fd00::1]:8443", caPem: "CA", namespace: "knative-serving" });
    expect(await config.authorization?.(false)).toBe("Bearer t");
  });

  test("KUBECONFIG wins", async () => {
    const KUBECONFIG = await write("config", kubeconfig({}));
    expect((await loadKubeConfig({ env: { ...env, KUBECONFIG } })).server).toBe("https://host:6443");
  });

  test("a file that is not mounted is named", async () => {
    await expect(loadKubeConfig({ env, serviceAccountDir: directory })).rejects.toThrow(join(directory, "ca.crt"));
  });
});

describe("token file", () => {
  test("is read again when it is old, or when asked, and survives its absence", async () => {
    let nowMs = 0;
    const clock = {
      now: () => new Date(),
      monotonicMs: () => nowMs,
      sleep: () => Promise.resolve(),
      setTimer: () => () => undefined,
    };
    const path = await write("token", "one");
    const token = openTokenFile(path, clock);
    expect(await token(false)).toBe("Bearer one");
    await write("token", "two");
    expect(await token(false)).toBe("Bearer one");
    expect(await token(true)).toBe("Bearer two");
    await write("token", "three");
    nowMs = 11_000;
    expect(await token(false)).toBe("Bearer three");
    await rm(path);
    expect(await token(true)).toBe("Bearer three");
  });
});

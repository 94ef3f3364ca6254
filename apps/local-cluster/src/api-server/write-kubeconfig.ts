import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { stringify } from "yaml";

/** Writes the administrator's kubeconfig (context `kelvin`), readable by its owner only, in one step. */
export async function writeKubeconfig(
  path: string,
  server: { readonly url: string; readonly adminToken: string; readonly caCert: string },
): Promise<void> {
  const name = "kelvin";
  const text = stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [
      {
        name,
        cluster: { server: server.url, "certificate-authority-data": Buffer.from(server.caCert).toString("base64") },
      },
    ],
    users: [{ name: "kelvin-admin", user: { token: server.adminToken } }],
    contexts: [{ name, context: { cluster: name, user: "kelvin-admin", namespace: "default" } }],
  });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

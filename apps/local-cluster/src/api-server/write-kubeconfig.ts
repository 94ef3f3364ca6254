import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes the administrator's kubeconfig (context `kelvin`), readable by its owner only, in one step. */
export async function writeKubeconfig(
  path: string,
  server: { readonly url: string; readonly adminToken: string; readonly caCert: string },
): Promise<void> {
  const text = `apiVersion: v1
kind: Config
current-context: kelvin
clusters:
  - name: kelvin
    cluster:
      server: ${server.url}
      certificate-authority-data: ${Buffer.from(server.caCert).toString("base64")}
users:
  - name: kelvin-admin
    user:
      token: ${server.adminToken}
contexts:
  - name: kelvin
    context:
      cluster: kelvin
      user: kelvin-admin
      namespace: default
`;
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
}

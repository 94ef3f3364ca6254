// An API server alone, with Kelvin's kinds: no controllers, no node. What a benchmark needs of a cluster it writes itself.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { CustomResourceDefinition, Namespace, loadKubeConfig, openKubeClient, type KubeClient } from "@kelvin/kube";
import { parse } from "yaml";
import { makeScratchDirectory, root, startSubject, until, type Subject } from "./subject.ts";

export interface BareCluster {
  readonly kube: KubeClient;
  readonly kubeconfig: string;
  readonly server: Subject;
  close(): Promise<void>;
}

export async function openBareCluster(): Promise<BareCluster> {
  const directory = makeScratchDirectory();
  const kubeconfig = join(directory, "kubeconfig");
  const server = startSubject("apps/local-cluster/src/api-server/dev.ts", [kubeconfig]);
  const isWritten = async (): Promise<boolean> => (await readFile(kubeconfig, "utf8").catch(() => "")) !== "";
  await until(isWritten, { subject: server, what: "the API server" });
  const kube = openKubeClient(await loadKubeConfig({ path: kubeconfig }));
  for (const definition of await readDefinitions()) {
    // oxlint-disable-next-line no-await-in-loop -- a few of them, once
    await kube.create(CustomResourceDefinition, definition);
  }
  for (const name of ["knative-serving", "knative-build", "knative-eventing"]) {
    // oxlint-disable-next-line no-await-in-loop -- three of them, once
    await kube.create(Namespace, { metadata: { name } } as Namespace);
  }
  return {
    kube,
    kubeconfig,
    server,
    async close() {
      await kube.close();
      await server.stop();
    },
  };
}

async function readDefinitions(): Promise<CustomResourceDefinition[]> {
  const directories = ["deploy/base/crds", "deploy/base/crds-eventing"].map((directory) => join(root, directory));
  const files = await Promise.all(
    directories.map(async (directory) => (await readdir(directory)).map((file) => join(directory, file))),
  );
  return Promise.all(
    files
      .flat()
      .filter((file) => file.includes(".knative.dev"))
      .map(async (file) => parse(await readFile(file, "utf8")) as CustomResourceDefinition),
  );
}

import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "@jest/globals";
import { describeKubectl, useKubectl } from "../testing/kubectl.ts";

// Two people apply parts of one Knative Service on the server: what the markers in its CRD are for.

const kubectl = useKubectl();
const crd = new URL("../../../../../deploy/base/crds/services.serving.knative.dev.yaml", import.meta.url);

const service = (spec: string, annotations = "{}"): string => `
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: hello, annotations: ${annotations}}
spec: {template: {spec: ${spec}}}
`;

describeKubectl("kubectl apply --server-side of a Knative Service by two managers", () => {
  beforeAll(async () => {
    await kubectl.run(`apply -f ${await kubectl.file("crd.yaml", readFileSync(crd, "utf8"))}`);
  });

  async function apply(manager: string, text: string, options = ""): Promise<string> {
    const path = await kubectl.file(`${manager}.yaml`, text);
    const { out, err } = await kubectl.run(`apply --server-side --field-manager=${manager} ${options} -f ${path}`);
    return out + err;
  }
  const specPart = async (path: string): Promise<string> =>
    (await kubectl.run(`get ksvc hello -o jsonpath={.spec.template.spec${path}}`)).out;

  test("each adds a volume and an annotation of its own, and takes only its own away", async () => {
    const containers = "containers: [{image: dev.local/a, env: [{name: A, value: '1'}]}]";
    const developer = `{${containers}, volumes: [{name: code, secret: {secretName: a}}]}`;
    expect(await apply("developer", service(developer, "{team: red}"))).toContain("serverside-applied");
    const admin = "{volumes: [{name: certs, secret: {secretName: certs}}], imagePullSecrets: [{name: private}]}";
    expect(await apply("admin", service(admin, "{audit: on-file}"))).toContain("serverside-applied");
    expect((await specPart(".volumes[*].name")).split(" ").sort()).toEqual(["certs", "code"]);
    expect(await specPart(".containers[0].image")).toBe("dev.local/a");
    const { out } = await kubectl.run("get ksvc hello -o jsonpath={.metadata.annotations}");
    expect(JSON.parse(out)).toMatchObject({ team: "red", audit: "on-file" });

    expect(await apply("admin", service("{imagePullSecrets: [{name: private}]}"))).toContain("serverside-applied");
    expect(await specPart(".volumes[*].name")).toBe("code");
    expect(await specPart(".imagePullSecrets[*].name")).toBe("private");
  });

  test("what another owns with another value is a conflict, told by its place, until it is taken by force", async () => {
    const other = service(
      "{timeoutSeconds: 5, containers: [{image: dev.local/b}], volumes: [{name: code, secret: {secretName: b}}]}",
    );
    const refused = await apply("admin", other);
    expect(refused).toContain('conflicts with "developer"');
    expect(refused).toContain("- .spec.template.spec.containers");
    expect(refused).toContain('- .spec.template.spec.volumes[name="code"].secret.secretName');
    expect(refused).not.toContain("timeoutSeconds");
    expect(await specPart(".containers[0].image")).toBe("dev.local/a");
    expect(await apply("admin", other, "--force-conflicts")).toContain("serverside-applied");
    expect(await specPart(".containers[0].image")).toBe("dev.local/b");
    const again = await apply("developer", service("{containers: [{image: dev.local/a}]}"));
    expect(again).toContain('conflict with "admin"');
  });

  test("two items with one key, and one without its key, are refused", async () => {
    const twice = service("{volumes: [{name: a, emptyDir: {}}, {name: a, emptyDir: {}}], containers: [{image: x}]}");
    expect(await apply("developer", twice)).toContain('duplicate entries for key [name="a"]');
    const path = await kubectl.file("twice.yaml", twice.replace("name: hello", "name: twice"));
    expect((await kubectl.run(`create -f ${path}`)).err).toContain(
      'spec.template.spec.volumes[1]: Duplicate value: {"name":"a"}',
    );
    const nameless = service("{containers: [{image: x, env: [{value: a}]}]}").replace("name: hello", "name: nameless");
    expect((await kubectl.run(`create -f ${await kubectl.file("nameless.yaml", nameless)}`)).err).toContain(
      "spec.template.spec.containers[0].env[0].name: Required value",
    );
  });
});

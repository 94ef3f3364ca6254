import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "@jest/globals";
import { describeKubectl, useKubectl } from "../testing/kubectl.ts";

// What an installation of Knative's shape does: CRDs with many markers, webhooks with selectors, roles that gather others.

const kubectl = useKubectl();
const fixture = readFileSync(new URL("../testing/fixtures/orchards.yaml", import.meta.url), "utf8");

const orchard = (
  name: string,
  labels = "{}",
  spec = "{template: {spec: {containers: [{name: a, image: x}]}}}",
): string =>
  `apiVersion: fruit.test.dev/v1\nkind: Orchard\nmetadata: {name: ${name}, labels: ${labels}}\nspec: ${spec}\n`;

const run = async (line: string): Promise<string> => {
  const { out, err } = await kubectl.run(line);
  return out + err;
};

async function apply(text: string, options = ""): Promise<string> {
  return run(`apply ${options} -f ${await kubectl.file("orchard.yaml", text)}`);
}

describeKubectl("an installation of custom kinds", () => {
  let installed = "";
  beforeAll(async () => {
    installed = await apply(fixture);
  });

  test("installs in one go, more than once, and is there at once", async () => {
    expect(installed).toBe(
      [
        "customresourcedefinition.apiextensions.k8s.io/orchards.fruit.test.dev created",
        "mutatingwebhookconfiguration.admissionregistration.k8s.io/defaulting.fruit.test.dev created",
        "validatingwebhookconfiguration.admissionregistration.k8s.io/validation.fruit.test.dev created",
        "clusterrole.rbac.authorization.k8s.io/fruit-admin created",
        "clusterrole.rbac.authorization.k8s.io/fruit-core created",
      ].join("\n"),
    );
    // The file has no rules for the role that gathers them: kubectl sends that again each time.
    expect((await apply(fixture)).match(/unchanged/g)).toHaveLength(4);
    const schema = await run("get crd orchards.fruit.test.dev -o jsonpath={.spec.versions[0].schema}");
    expect(schema.match(/"x-kubernetes-list-type"/g)?.length).toBeGreaterThan(50);
    const wait = await run("wait --for=condition=Established crd/orchards.fruit.test.dev");
    expect(wait).toContain("condition met");
    expect((await run("api-resources --categories=fruit -o wide")).replaceAll(/ +/g, " ")).toContain(
      "orchards orc,korchard fruit.test.dev/v1 true Orchard delete,deletecollection,get,list,patch,create,update,watch all,fruit",
    );
  });

  test("columns, wide columns, an older version with a warning, status and scale", async () => {
    expect(await apply(orchard("west"))).toBe("orchard.fruit.test.dev/west created");
    const status = `{"status":{"url":"http://west","conditions":[{"type":"Ready","status":"False","reason":"Winter"}]}}`;
    expect(await run(`patch orc west --subresource=status --type=merge -p '${status}'`)).toContain("patched");
    await run("annotate orc west fruit.test.dev/gardener=Ann");
    expect(await run("scale orc west --replicas=3")).toBe("orchard.fruit.test.dev/west scaled");
    expect((await run("get korchard -o wide")).replaceAll(/ +/g, " ")).toMatch(
      /^NAME URL TREES READY REASON GARDENER AGE\nwest http:\/\/west 3 False Winter Ann \d+s$/,
    );
    expect(await run("get fruit")).toContain("west");
    expect(await run("get orchards.v1beta1.fruit.test.dev west -o name")).toBe(
      "orchard.fruit.test.dev/westWarning: fruit.test.dev/v1beta1 Orchard is deprecated\n",
    );
    const refused = await run(`patch orc west --type=merge -p '{"spec":{"trees":-1}}'`);
    expect(refused).toContain('The Orchard "west" is invalid: spec.trees: Invalid value: -1: spec.trees in body');
  });

  test("explain lists every field with its type", async () => {
    const all = await run("explain orchard.spec.template.spec.containers --recursive");
    expect(all).toContain("What runs for each tree.");
    for (const field of [
      "name\t<string> -required-",
      "env\t<[]Object>",
      "limits\t<map[string]Object>",
      "secretKeyRef\t<Object>",
    ]) {
      expect(all).toContain(field);
    }
    expect(await run("explain orc.metadata.ownerReferences")).toContain("Objects this one depends on.");
  });

  test("server-side apply merges containers, variables, ports and sets by item", async () => {
    const one =
      "{gates: [north], template: {spec: {containers: [{name: a, image: x, env: [{name: A, value: '1'}], ports: [{containerPort: 80}]}]}}}";
    const two =
      "{gates: [south], template: {spec: {containers: [{name: a, env: [{name: B, value: '2'}], ports: [{containerPort: 80, protocol: UDP}]}, {name: b, image: z}]}}}";
    expect(await apply(orchard("shared", "{}", one), "--server-side --field-manager=one")).toContain(
      "serverside-applied",
    );
    expect(await apply(orchard("shared", "{}", two), "--server-side --field-manager=two")).toContain(
      "serverside-applied",
    );
    const spec = JSON.parse(await run("get orc shared -o jsonpath={.spec}")) as unknown;
    expect(spec).toMatchObject({
      gates: ["north", "south"],
      template: {
        spec: {
          containers: [
            {
              name: "a",
              image: "x",
              env: [{ name: "A" }, { name: "B" }],
              ports: [
                { containerPort: 80, protocol: "TCP" },
                { containerPort: 80, protocol: "UDP" },
              ],
            },
            { name: "b", image: "z" },
          ],
        },
      },
    });
    const contested = await apply(
      orchard("shared", "{}", one.replace("'1'", "'3'")),
      "--server-side --field-manager=two",
    );
    expect(contested).toContain('conflict with "one": .spec.template.spec.containers[name="a"].env[name="A"].value');
  });

  test("webhooks are asked about what their selectors choose, and only about that", async () => {
    const unreachable = 'failed calling webhook "defaulting.fruit.test.dev"';
    await run("create namespace strict");
    await run("label namespace strict fruit.test.dev/defaulting=enabled");
    expect(await apply(orchard("a"), "-n strict")).toContain(unreachable);
    expect(await apply(orchard("b", "{fruit.test.dev/exempt: 'yes'}"), "-n strict")).toContain("created");
    expect(await apply(orchard("c", "{fruit.test.dev/guarded: 'true'}"))).toContain("created");
    expect(await run("delete orc c")).toContain('failed calling webhook "validation.fruit.test.dev"');
    await run("label orc c fruit.test.dev/guarded-");
    expect(await run("delete orc c")).toContain("deleted");
  });

  test("roles gather the rules of those that their selectors choose", async () => {
    expect(await run("get clusterrole fruit-admin -o jsonpath={.rules[*].resources}")).toBe('["orchards"]');
    await run("create clusterrolebinding viewers --clusterrole=view --user=vera");
    expect(await run("auth can-i list orchards.fruit.test.dev --as=vera")).toBe("yes");
    expect(await run("auth can-i delete orchards.fruit.test.dev --as=vera")).toContain("no");
  });

  test("a schema that is not structural is refused by its places", async () => {
    const broken = fixture
      .split("\n---\n")[0]
      ?.replaceAll("orchards", "meadows")
      .replaceAll("Orchard", "Meadow")
      .replace("[orc, korchard]", "[]")
      .replace("required: [name]", "required: [image]")
      .replace("trees: { type: integer", "trees: { x-kubernetes-list-type: set");
    const refused = await apply(broken ?? "");
    const at = "spec.versions[0].schema.openAPIV3Schema.properties[spec].properties";
    expect(refused).toContain('The CustomResourceDefinition "meadows.fruit.test.dev" is invalid');
    expect(refused).toContain(`${at}[trees].type: Required value: must not be empty for specified object fields`);
    expect(refused).toContain(
      `${at}[template].properties[spec].properties[containers].items.properties[name].default: Required value: this property is in x-kubernetes-list-map-keys`,
    );
  });

  test("a kind that nobody has installed is called that", async () => {
    const text = orchard("x").replace("test.dev/v1", "test.dev/v9");
    expect(await apply(text)).toContain('no matches for kind "Orchard" in version "fruit.test.dev/v9"');
  });
});

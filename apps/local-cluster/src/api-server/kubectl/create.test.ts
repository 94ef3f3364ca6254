import { expect, test } from "@jest/globals";
import { issueCertificates } from "@kelvin/x509";
import { describeKubectl, useKubectl } from "../testing/kubectl.ts";

// Every imperative form of create, most of which send protobuf; each with what of it must have arrived.

const kubectl = useKubectl();
const get = async (line: string): Promise<string> => (await kubectl.run(`get ${line}`)).out;

describeKubectl("kubectl create", () => {
  test.each([
    ["namespace x", "namespace x -o jsonpath={.status.phase}", "Active"],
    ["configmap x --from-literal=a=b", "configmap x -o jsonpath={.data.a}", "b"],
    ["secret generic x --from-literal=a=b", "secret x -o jsonpath={.type}/{.data.a}", "Opaque/Yg=="],
    [
      "secret docker-registry y --docker-server=r --docker-username=u --docker-password=p",
      "secret y -o jsonpath={.type}",
      "kubernetes.io/dockerconfigjson",
    ],
    ["serviceaccount x", "serviceaccount x -o name", "serviceaccount/x"],
    [
      "deployment x --image=dev.local/x --replicas=0 --port=80 -- sh -c true",
      "deployment x -o jsonpath={.spec.replicas}/{.spec.template.spec.containers[0].command}",
      '0/["sh","-c","true"]',
    ],
    [
      "job x --image=dev.local/x -- sh -c true",
      "job x -o jsonpath={.spec.backoffLimit}/{.spec.template.spec.containers[0].command}",
      '6/["sh","-c","true"]',
    ],
    ["service clusterip x --tcp=80:8080", "service x -o jsonpath={.spec.ports[0].targetPort}", "8080"],
    ["service nodeport y --tcp=80", "service y -o jsonpath={.spec.type}", "NodePort"],
    ["service loadbalancer z --tcp=80", "service z -o jsonpath={.spec.type}", "LoadBalancer"],
    ["service externalname e --external-name=a.test", "service e -o jsonpath={.spec.externalName}", "a.test"],
    ["role x --verb=get,list --resource=pods/log,secrets", "role x -o jsonpath={.rules[*].verbs}", '["get","list"]'],
    [
      "clusterrole x --verb=get --resource=deployments.apps/scale",
      "clusterrole x -o jsonpath={.rules[0].resources}",
      '["deployments/scale"]',
    ],
    [
      "clusterrole y --verb=get --non-resource-url=/metrics",
      "clusterrole y -o jsonpath={.rules[0].nonResourceURLs}",
      '["/metrics"]',
    ],
    [
      "clusterrole z --aggregation-rule=a=b",
      "clusterrole z -o jsonpath={.aggregationRule.clusterRoleSelectors[0].matchLabels.a}",
      "b",
    ],
    [
      "rolebinding x --role=x --serviceaccount=default:x",
      "rolebinding x -o jsonpath={.subjects[0].name}/{.roleRef.name}",
      "x/x",
    ],
    [
      "clusterrolebinding x --clusterrole=view --user=u --group=g",
      "clusterrolebinding x -o jsonpath={.subjects[*].kind}",
      "User Group",
    ],
    ["ingress x --rule=a.test/*=svc:80", "ingress x -o jsonpath={.spec.rules[0].host}", "a.test"],
    ["poddisruptionbudget x --selector=a=b --min-available=50%", "pdb x -o jsonpath={.spec.minAvailable}", "50%"],
    ["priorityclass x --value=5 --description=d", "priorityclass x -o jsonpath={.value}", "5"],
  ])("%s", async (line, check, want) => {
    const { out, err } = await kubectl.run(`create ${line}`);
    expect([out, err]).toEqual([expect.stringMatching(/created$/), ""]);
    expect(await get(check)).toBe(want);
    expect((await kubectl.run(`create ${line}`)).err).toContain("already exists");
    expect((await kubectl.run(`create ${line.split(" -- ")[0]} --dry-run=client -o yaml`)).out).toContain(
      "apiVersion: ",
    );
  });

  test("secret tls, whose parts are checked to belong together", async () => {
    const { serving } = issueCertificates({
      now: new Date(),
      authority: { name: "test", days: 1 },
      serving: { name: "a.test", days: 1, names: ["a.test"] },
    });
    const { cert, key } = serving;
    const [certPath, keyPath] = [await kubectl.file("cert.pem", cert), await kubectl.file("key.pem", key)];
    const { out, err } = await kubectl.run(`create secret tls t --cert=${certPath} --key=${keyPath}`);
    expect(out + err).toBe("secret/t created");
    expect(await get("secret t -o jsonpath={.type}")).toBe("kubernetes.io/tls");
    expect(Buffer.from(await get("secret t -o jsonpath={.data.tls\\.crt}"), "base64").toString()).toBe(cert);
  });

  test("token, for an audience and a time", async () => {
    await kubectl.run("create serviceaccount robot");
    const { out } = await kubectl.run("create token robot --audience=them --duration=20m");
    const claims = JSON.parse(Buffer.from(out.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>;
    expect(claims).toMatchObject({ aud: ["them"], sub: "system:serviceaccount:default:robot" });
    expect(Number(claims["exp"]) - Number(claims["iat"])).toBe(1200);
    expect((await kubectl.run("create token robot --duration=1m")).err).toContain(
      "may not specify a duration less than 10 minutes",
    );
    expect((await kubectl.run("create token nobody")).err).toContain('serviceaccounts "nobody" not found');
  });

  test("-f of several, run and expose", async () => {
    const text = ["one", "two"]
      .map((name) => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\n`)
      .join("---\n");
    expect((await kubectl.run(`create -f ${await kubectl.file("two.yaml", text)}`)).out).toBe(
      "configmap/one created\nconfigmap/two created",
    );
    expect((await kubectl.run("run p --image=dev.local/x --labels=a=b --port=80 --env=A=1")).out).toBe("pod/p created");
    expect((await kubectl.run("expose pod p --port=80 --name=exposed")).out).toBe("service/exposed exposed");
    expect(await get("service exposed -o jsonpath={.spec.selector}")).toBe('{"a":"b"}');
  });
});

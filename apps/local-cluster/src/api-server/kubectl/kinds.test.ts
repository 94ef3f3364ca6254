import { expect, test } from "@jest/globals";
import { Deployment } from "@kelvin/kube";
import { describeKubectl, useKubectl } from "../testing/kubectl.ts";

// The real kubectl against the real server: what users type, and what it has to print.

const suite = useKubectl();
const kubectl = suite.run;
const { file } = suite;

const deployment = (image: string): string => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: ${image}, ports: [{containerPort: 80}], env: [{name: A, value: "1"}]}
`;

const crd = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.test.dev}
spec:
  group: test.dev
  names: {kind: Gadget, plural: gadgets, shortNames: [gd], categories: [all]}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Color, type: string, jsonPath: .spec.color}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            description: What the gadget is.
            properties: {color: {type: string, description: Its color.}, size: {type: integer}}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
`;

const gadget = (spec: string): string => `
apiVersion: test.dev/v1
kind: Gadget
metadata: {name: g}
spec: ${spec}
`;

describeKubectl("kubectl and built-in kinds", () => {
  test("apply creates, configures, and leaves alone", async () => {
    const first = await file("web.yaml", deployment("dev.local/a"));
    expect((await kubectl(`apply -f ${first}`)).out).toBe("deployment.apps/web created");
    expect((await kubectl(`apply -f ${first}`)).out).toBe("deployment.apps/web unchanged");
    const second = await file("web.yaml", deployment("dev.local/b"));
    expect((await kubectl(`diff -f ${second}`)).out).toContain("+        image: dev.local/b");
    expect((await kubectl(`apply -f ${second}`)).out).toBe("deployment.apps/web configured");
  });

  test("apply on the server: conflicts, force, what is no longer applied, and the way from client-side", async () => {
    const path = await file("served.yaml", deployment("dev.local/a").replaceAll("name: web", "name: served"));
    const apply = `apply --server-side -f ${path}`;
    expect((await kubectl(apply)).out).toBe("deployment.apps/served serverside-applied");
    const { resourceVersion } = (await suite.server.kube.get(Deployment, { namespace: "default", name: "served" }))
      .metadata;
    await kubectl(apply);
    const again = await suite.server.kube.get(Deployment, { namespace: "default", name: "served" });
    expect(again.metadata.resourceVersion).toBe(resourceVersion);
    await kubectl("set image deployment/served *=dev.local/b");
    expect((await kubectl(apply)).err).toContain('conflict with "kubectl-set" using apps/v1');
    expect((await kubectl(`diff --server-side --force-conflicts -f ${path}`)).out).toContain(
      "+        image: dev.local/a",
    );
    expect((await kubectl(`${apply} --force-conflicts`)).out).toBe("deployment.apps/served serverside-applied");
    expect((await kubectl("get deployment served -o yaml")).out).not.toContain("managedFields");
    expect((await kubectl("get deployment served -o yaml --show-managed-fields")).out).toContain("f:image: {}");

    const map = (lines: string): string => `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: moved}\ndata: {${lines}}`;
    await kubectl(`apply -f ${await file("moved.yaml", map("a: first, b: second"))}`);
    await kubectl(`apply --server-side -f ${await file("moved.yaml", map("a: third"))}`);
    expect((await kubectl("get configmap moved -o jsonpath={.data}")).out).toBe('{"a":"third"}');
  });

  test("a dry run on the server shows what would be, and keeps nothing", async () => {
    const before = (await kubectl("get deployments,configmaps,namespaces,services -o yaml")).out;
    for (const [line, want] of [
      ["scale deployment web --replicas=9", "deployment.apps/web scaled (server dry run)"],
      ["label deployment web dry=run", "deployment.apps/web labeled (server dry run)"],
      ["delete deployment web", 'deployment.apps "web" deleted (server dry run)'],
      ["create namespace dry", "namespace/dry created (server dry run)"],
      ["expose deployment web --port=80", "service/web exposed (server dry run)"],
    ]) {
      expect((await kubectl(`${line ?? ""} --dry-run=server`)).out).toBe(want);
    }
    expect((await kubectl("get deployments,configmaps,namespaces,services -o yaml")).out).toBe(before);
  });

  test("explain knows the fields of built-in kinds", async () => {
    expect((await kubectl("explain pod.spec.containers")).out).toMatch(/env\s+<\[\]EnvVar>/);
    const { out } = await kubectl("explain deployment.spec.template.spec.containers.resources --recursive");
    expect(out).toMatch(/limits\s+<map\[string\]string>/);
    expect((await kubectl("explain service.metadata.labels")).out).toContain("Keys and values to select objects by.");
    expect((await kubectl("explain crd.spec.versions.schema.openAPIV3Schema.properties")).err).toBe("");
  });

  test("set, scale, label, annotate and the three patches keep the rest of the lists", async () => {
    await kubectl("set image deployment/web web=dev.local/c");
    await kubectl("set env deployment/web B=2");
    expect((await kubectl("scale deployment web --replicas=3")).out).toBe("deployment.apps/web scaled");
    await kubectl("label deployment web tier=front");
    await kubectl("annotate deployment web note=x");
    await kubectl(
      `patch deployment web -p '{"spec":{"template":{"spec":{"containers":[{"name":"web","imagePullPolicy":"Never"}]}}}}'`,
    );
    await kubectl(`patch deployment web --type merge -p '{"spec":{"minReadySeconds":1}}'`);
    await kubectl(`patch deployment web --type json -p '[{"op":"add","path":"/spec/paused","value":true}]'`);
    const found = await suite.server.kube.get(Deployment, { namespace: "default", name: "web" });
    expect(found.metadata.labels).toEqual({ tier: "front" });
    expect(found.spec).toMatchObject({ replicas: 3, minReadySeconds: 1, paused: true });
    expect(found.spec?.template.spec?.containers).toMatchObject([
      {
        image: "dev.local/c",
        imagePullPolicy: "Never",
        ports: [{ containerPort: 80 }],
        env: [
          { name: "A", value: "1" },
          { name: "B", value: "2" },
        ],
      },
    ]);
  });

  test("get prints the columns users know", async () => {
    const { out } = await kubectl("get deployments -o wide");
    expect(
      out
        .split("\n")[0]
        ?.split(/\s{2,}/)
        .map((column) => column.trim()),
    ).toEqual(["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", "CONTAINERS", "IMAGES", "SELECTOR"]);
    expect(out).toMatch(/web\s+0\/3\s+0\s+0\s+\d+s\s+web\s+dev\.local\/c\s+app=web/);
    expect((await kubectl("get all")).out).toContain("service/kubernetes");
    expect((await kubectl("get ns default -o jsonpath={.status.phase}")).out).toBe("Active");
  });

  test.each<Record<string, string>>([{}, { KUBE_FEATURE_WatchListClient: "true" }])(
    "rollout status waits for the status, with %j",
    async (env) => {
      await kubectl("rollout resume deployment/web");
      const rollout = kubectl("rollout status deployment/web --timeout=10s", env);
      const found = await suite.server.kube.get(Deployment, { namespace: "default", name: "web" });
      const status = {
        observedGeneration: 100,
        replicas: 3,
        updatedReplicas: 3,
        readyReplicas: 3,
        availableReplicas: 3,
      };
      await suite.server.kube.update(Deployment, { ...found, status }, { subresource: "status" });
      expect((await rollout).out).toContain('deployment "web" successfully rolled out');
      await suite.server.kube.update(
        Deployment,
        { ...(await suite.server.kube.get(Deployment, { namespace: "default", name: "web" })), status: {} },
        { subresource: "status" },
      );
    },
  );

  test("replace and describe work, delete waits until it is gone", async () => {
    const path = await file("web.yaml", deployment("dev.local/d"));
    expect((await kubectl(`replace -f ${path}`)).out).toBe("deployment.apps/web replaced");
    expect((await kubectl("describe deployment web")).out).toContain("Image:      dev.local/d");
    expect((await kubectl("delete deployment web")).out).toBe('deployment.apps "web" deleted');
    expect((await kubectl("get deployment web")).err).toContain('deployments.apps "web" not found');
  });

  test("a wrong field value is told with its path", async () => {
    const path = await file("bad.yaml", deployment("dev.local/a").replace("containerPort: 80", "containerPort: 99999"));
    expect((await kubectl(`apply -f ${path}`)).err).toContain(
      'The Deployment "web" is invalid: spec.template.spec.containers[0].ports[0].containerPort: Invalid value: 99999: must be between 1 and 65535, inclusive',
    );
  });
});

describeKubectl("kubectl and custom kinds", () => {
  test("a CRD and its object in one go; columns, categories, short names, explain", async () => {
    const definition = await file("crd.yaml", crd);
    expect((await kubectl(`apply -f ${definition}`)).out).toContain("created");
    expect((await kubectl("wait --for=condition=Established crd/gadgets.test.dev")).out).toContain("condition met");
    const object = await file("gadget.yaml", gadget("{color: red}"));
    expect((await kubectl(`apply -f ${object}`)).out).toBe("gadget.test.dev/g created");
    expect((await kubectl("get gd")).out).toMatch(/NAME\s+COLOR\s+g\s+red/);
    expect((await kubectl("get all")).out).toContain("gadget.test.dev/g");
    expect((await kubectl("explain gadget.spec")).out).toContain("Its color.");
    expect((await kubectl("api-resources --api-group=test.dev")).out).toContain("Gadget");
    const changed = await file("gadget.yaml", gadget("{color: blue, size: 1}"));
    expect((await kubectl(`apply -f ${changed}`)).out).toBe("gadget.test.dev/g configured");
  });

  test("unknown fields and wrong types are refused in Kubernetes' words", async () => {
    const unknown = await file("gadget.yaml", gadget("{colour: red}"));
    expect((await kubectl(`apply -f ${unknown}`)).err).toContain('strict decoding error: unknown field "spec.colour"');
    const wrong = await file("gadget.yaml", gadget("{size: big}"));
    expect((await kubectl(`apply -f ${wrong}`)).err).toContain(
      'The Gadget "g" is invalid: spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
    );
  });

  test("wait sees a condition that comes", async () => {
    const waiting = kubectl("wait --for=condition=Ready gadget/g --timeout=10s");
    await kubectl(
      `patch gadget g --subresource=status --type merge -p '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'`,
    );
    expect((await waiting).out).toBe("gadget.test.dev/g condition met");
  });

  test("deleting the CRD takes the kind away", async () => {
    expect((await kubectl("delete crd gadgets.test.dev")).out).toContain("deleted");
    expect((await kubectl("get gadgets")).err).toMatch(
      /the server doesn't have a resource type|could not find the requested resource/,
    );
  });
});

describeKubectl("kubectl and the cluster", () => {
  test("version, cluster-info, raw and unknown kinds", async () => {
    expect((await kubectl("version")).out).toContain("Server Version: v1.34.0");
    expect((await kubectl("get --raw /readyz")).out).toBe("ok");
    expect((await kubectl("cluster-info")).out).toContain("Kubernetes control plane");
    expect((await kubectl("get nothings")).err).toContain("the server doesn't have a resource type");
  });

  test("imperative creation, which sends protobuf", async () => {
    expect((await kubectl("create namespace made")).out).toBe("namespace/made created");
    expect((await kubectl("create serviceaccount made -n made")).out).toBe("serviceaccount/made created");
    await kubectl("create secret generic made -n made --from-literal=a=b");
    expect((await kubectl("get secret made -n made -o jsonpath={.data.a}")).out).toBe("Yg==");
    await kubectl("create deployment made -n made --image=dev.local/x --replicas=0 --port=8080");
    const path = "{.spec.replicas}/{.spec.template.spec.containers[0].ports[0].containerPort}";
    expect((await kubectl(`get deployment made -n made -o jsonpath=${path}`)).out).toBe("0/8080");
    expect((await kubectl("create token made -n made")).out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    expect((await kubectl("auth can-i create pods")).out).toBe("yes");
    expect((await kubectl("auth whoami -o jsonpath={.status.userInfo.groups}")).out).toContain("system:masters");
  });
});

describeKubectl("kubectl and rights", () => {
  test("create role and rolebinding, and act as their subject", async () => {
    await kubectl("create serviceaccount reader");
    expect((await kubectl("create role reader --verb=get,list --resource=configmaps")).out).toBe(
      "role.rbac.authorization.k8s.io/reader created",
    );
    await kubectl("create rolebinding reader --role=reader --serviceaccount=default:reader");
    const as = "--as=system:serviceaccount:default:reader";
    expect((await kubectl(`auth can-i list configmaps ${as}`)).out).toBe("yes");
    expect((await kubectl(`auth can-i list configmaps -A ${as}`)).out).toBe("no");
    expect((await kubectl(`auth can-i delete configmaps ${as}`)).out).toBe("no");
    expect((await kubectl(`auth can-i --list ${as}`)).out).toMatch(/^configmaps +\[\] +\[\] +\[get list\]$/m);
    expect((await kubectl(`get configmaps ${as}`)).err).not.toContain("Forbidden");
    expect((await kubectl(`get secrets ${as}`)).err).toBe(
      'Error from server (Forbidden): secrets is forbidden: User "system:serviceaccount:default:reader" cannot list resource "secrets" in API group "" in the namespace "default"\n',
    );
    expect((await kubectl("auth whoami --as=bob --as-group=devs")).out).toMatch(/bob[^]*\[devs system:authenticated\]/);
  });

  test("a binding keeps its role", async () => {
    const patch = `patch rolebinding reader --type=merge -p '{"roleRef":{"name":"other"}}'`;
    expect((await kubectl(patch)).err).toContain("roleRef: Invalid value");
    expect((await kubectl(patch)).err).toContain("cannot change roleRef");
  });
});

import { request as httpsRequest } from "node:https";
import { afterEach, describe, expect, test } from "@jest/globals";
import { MutatingWebhookConfiguration, Secret } from "@kelvin/kube";
import { fakeClock, openFakeKube } from "@kelvin/testkit";
import type { FakeKube } from "@kelvin/testkit";
import type { KubeObject } from "@kelvin/api";
import { openAdmissionServer } from "./admission-server.ts";
import type { AdmissionServer } from "./admission-server.ts";
import type { AdmissionWebhook } from "./admission-review.ts";

const service = { namespace: "knative-serving", name: "serving-controller" };
const configuration = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "MutatingWebhookConfiguration",
  metadata: { name: "ours" },
  webhooks: [
    { name: "a", clientConfig: { service: { ...service, path: "/defaulting" } } },
    { name: "b", clientConfig: { service: { namespace: "x", name: "somebody-elses" }, caBundle: "theirs" } },
  ],
} as KubeObject;

const setDefault: AdmissionWebhook = {
  path: "/defaulting",
  mutate: (object) => ({ ...object, spec: { replicas: 1 } }) as KubeObject,
  validate: (object) => ({
    ...(object.metadata.name === "bad" && { denied: "validation failed: bad name: metadata.name" }),
    warnings: ["old field"],
  }),
};

let opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const each of opened) await each.close();
  opened = [];
});

async function open(kube: FakeKube): Promise<AdmissionServer> {
  const server = await openAdmissionServer({
    kube,
    host: "127.0.0.1",
    port: 0,
    service,
    secretName: "certs",
    webhooks: [setDefault],
    mutatingConfigurations: ["ours"],
  });
  opened.push(server);
  return server;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

function bundleOf(kube: FakeKube): string {
  const [stored] = kube.objects(MutatingWebhookConfiguration);
  return Buffer.from(stored?.webhooks?.[0]?.clientConfig.caBundle ?? "", "base64").toString();
}

interface Target {
  port: number;
  path?: string;
}

function post(
  { port, path = "/defaulting" }: Target,
  ca: string,
  body: string,
): Promise<{ code: number; body: string }> {
  const servername = "serving-controller.knative-serving.svc";
  return new Promise((resolve, reject) => {
    const call = httpsRequest(
      { host: "127.0.0.1", port, path, method: "POST", ca, servername, agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ code: response.statusCode ?? 0, body: text }));
      },
    );
    call.on("error", reject);
    call.end(body);
  });
}

function review(object: object): string {
  const request = {
    uid: "u1",
    operation: "CREATE",
    kind: { group: "g", version: "v1", kind: "K" },
    object,
    oldObject: null,
  };
  return JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request });
}

describe("admission server", () => {
  test("serves a certificate that the webhook configuration trusts, and patches by JSON patch", async () => {
    const kube = openFakeKube({ objects: [configuration] });
    const server = await open(kube);
    await until(() => server.isReady);

    const { code, body } = await post(server, bundleOf(kube), review({ metadata: { name: "good" } }));

    expect(code).toBe(200);
    const { response, ...envelope } = JSON.parse(body) as { response: Record<string, string> };
    expect(envelope).toEqual({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" });
    expect(response).toMatchObject({ uid: "u1", allowed: true, patchType: "JSONPatch", warnings: ["old field"] });
    const patch = JSON.parse(Buffer.from(response["patch"] ?? "", "base64").toString()) as unknown;
    expect(patch).toEqual([{ op: "add", path: "/spec", value: { replicas: 1 } }]);
    expect(kube.objects(MutatingWebhookConfiguration)[0]?.webhooks?.[1]?.clientConfig.caBundle).toBe("theirs");
  });

  test("refuses with the validation's message", async () => {
    const kube = openFakeKube({ objects: [configuration] });
    const server = await open(kube);
    await until(() => server.isReady);

    const { body } = await post(server, bundleOf(kube), review({ metadata: { name: "bad" } }));

    const { response } = JSON.parse(body) as { response: object };
    expect(response).toMatchObject({
      allowed: false,
      status: { code: 400, message: "validation failed: bad name: metadata.name" },
    });
  });

  test.each([
    ["{", "/defaulting", 400, "not JSON"],
    ["{}", "/defaulting", 400, "AdmissionReview"],
    [JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" }), "/defaulting", 400, "request.uid"],
    [review([]), "/defaulting", 400, "request.object"],
    [review({}), "/nowhere", 404, "/nowhere"],
  ])("answers bad input %s at %s with %d", async (...[body, path, code, message]) => {
    const kube = openFakeKube({ objects: [configuration] });
    const server = await open(kube);
    await until(() => server.isReady);
    const answer = await post({ port: server.port, path }, bundleOf(kube), body);
    expect(answer.code).toBe(code);
    expect(answer.body).toContain(message);
  });

  test("two replicas come to share one certificate", async () => {
    const kube = openFakeKube({ objects: [configuration] });
    const [first, second] = await Promise.all([open(kube), open(kube)]);
    await until(() => first.isReady && second.isReady);
    for (const { port } of [first, second]) {
      expect((await post({ port }, bundleOf(kube), review({ metadata: { name: "good" } }))).code).toBe(200);
    }
    expect(kube.writes.filter(({ kind, verb }) => kind === "Secret" && verb === "create")).toHaveLength(1);
  });

  test("puts the caBundle back when the configuration is applied anew or made later", async () => {
    const kube = openFakeKube();
    const server = await open(kube);
    await until(() => server.isReady);
    kube.put(configuration);
    await until(() => bundleOf(kube) !== "");
    kube.put(configuration);
    await until(() => bundleOf(kube) !== "");
  });

  test("replaces a certificate that someone broke, and keeps the old authority trusted", async () => {
    const kube = openFakeKube({ objects: [configuration] });
    const clock = fakeClock(new Date());
    const server = await openAdmissionServer({
      kube,
      clock,
      host: "127.0.0.1",
      port: 0,
      service,
      secretName: "certs",
      webhooks: [setDefault],
      mutatingConfigurations: ["ours"],
    });
    opened.push(server);
    await until(() => server.isReady);
    const before = bundleOf(kube);
    const [secret] = kube.objects(Secret);
    kube.put({ ...secret, data: { ...secret?.data, "server-cert.pem": "" } } as KubeObject);
    await until(() => bundleOf(kube) !== before);
    expect(bundleOf(kube)).toContain(before.trim());
    await clock.advance(6000);
    expect((await post(server, bundleOf(kube), review({ metadata: { name: "good" } }))).code).toBe(200);
  });
});

import { readFileSync } from "node:fs";
import { request } from "node:https";

// The objects of one kind of channels.knative.dev, kept current by a watch, and their condition that a bus writes.

const account = "/var/run/secrets/kubernetes.io/serviceaccount";
const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
const RETRY_MS = 500;

export function openKind({ namespace, plural, condition, isOurs }) {
  const group = "/apis/channels.knative.dev/v1alpha1";
  const list = namespace === "" ? `${group}/${plural}` : `${group}/namespaces/${namespace}/${plural}`;
  const objects = new Map();
  const listeners = [];
  const keyOf = ({ metadata }) => `${metadata.namespace}/${metadata.name}`;

  async function follow() {
    for (;;) {
      try {
        const { items, metadata } = await call("GET", list);
        objects.clear();
        for (const object of items) await keep(object);
        await watch(`${list}?watch=true&resourceVersion=${metadata.resourceVersion}`, async ({ type, object }) => {
          if (type === "DELETED") objects.delete(keyOf(object));
          else if (type === "ADDED" || type === "MODIFIED") await keep(object);
          else throw new Error(`watch said ${type}`);
        });
      } catch (error) {
        console.error(`${plural}: ${error.message}`);
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async function keep(object) {
    objects.set(keyOf(object), object);
    for (const listener of listeners) await listener();
    if (isOurs(object)) await say(object);
  }

  /** Writes its condition, and leaves the others as they are. Somebody else may write at the same time. */
  async function say({ metadata: { name, namespace: where } }) {
    const path = `${group}/namespaces/${where}/${plural}/${name}`;
    for (;;) {
      const object = await call("GET", path);
      const conditions = object.status?.conditions ?? [];
      if (conditions.some(({ type, status }) => type === condition && status === "True")) return;
      const lastTransitionTime = new Date().toISOString().replace(/\.\d+/, "");
      const own = { type: condition, status: "True", reason: "OtherBus", lastTransitionTime };
      const status = { ...object.status, conditions: [...conditions.filter(({ type }) => type !== condition), own] };
      try {
        await call("PUT", `${path}/status`, { ...object, status });
        return;
      } catch (error) {
        if (error.status !== 409) throw error;
      }
    }
  }

  follow().catch((error) => console.error(error));
  return {
    find: (where, name) => objects.get(`${where}/${name}`),
    all: () => [...objects.values()],
    onChange: (listener) => void listeners.push(listener),
    async lookAgain() {
      for (const object of objects.values()) if (isOurs(object)) await say(object);
    },
  };
}

function open(method, path) {
  const headers = {
    authorization: `Bearer ${readFileSync(`${account}/token`, "utf8")}`,
    "content-type": "application/json",
  };
  return request({ host, port, path, method, headers, ca: readFileSync(`${account}/ca.crt`) });
}

async function call(method, path, body) {
  const asked = open(method, path);
  asked.end(body === undefined ? undefined : JSON.stringify(body));
  const response = await answerOf(asked);
  let text = "";
  for await (const piece of response) text += piece;
  if (response.statusCode < 300) return JSON.parse(text);
  throw Object.assign(new Error(`${method} ${path}: ${response.statusCode} ${text}`), { status: response.statusCode });
}

async function watch(path, take) {
  const asked = open("GET", path);
  asked.end();
  const response = await answerOf(asked);
  if (response.statusCode !== 200) throw new Error(`watch: ${response.statusCode}`);
  let rest = "";
  for await (const piece of response) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") await take(JSON.parse(line));
  }
}

function answerOf(asked) {
  return new Promise((resolve, reject) => void asked.once("response", resolve).once("error", reject));
}

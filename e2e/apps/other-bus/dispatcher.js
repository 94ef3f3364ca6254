import { createServer, request as post } from "node:http";
import { openKind } from "./kind.js";

// See README.md. A Channel is {name, namespace, bus}; a Subscription {name, namespace, channel, subscriber}.

const { BUS_NAME: bus, BUS_NAMESPACE: busNamespace = "", PORT: port } = process.env;

const channels = openKind({ namespace: busNamespace, plural: "channels", condition: "Provisioned", isOurs });
const subscriptions = openKind({
  namespace: busNamespace,
  plural: "subscriptions",
  condition: "Dispatching",
  isOurs: ({ metadata, spec }) => {
    const channel = channels.find(metadata.namespace, spec.channel);
    return channel !== undefined && isOurs(channel);
  },
});
// A Subscription may be there before its Channel.
channels.onChange(() => subscriptions.lookAgain());

function isOurs({ spec }) {
  return busNamespace === "" ? spec.clusterBus === bus : spec.bus === bus;
}

const server = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const channel = channelOf(request.headers.host ?? "");
  if (channel === undefined) return response.writeHead(404).end();
  response.writeHead(202).end();
  for (const { metadata, spec } of subscriptions.all()) {
    if (metadata.namespace !== channel.metadata.namespace || spec.channel !== channel.metadata.name) continue;
    forward(urlOf(spec.subscriber, metadata.namespace), request.headers["content-type"], Buffer.concat(pieces));
  }
});

/** `<channel>.<namespace>.channels...`, or `<channel>-channel.<namespace>.svc...`. */
function channelOf(host) {
  const [label, namespace] = host.split(".");
  return channels.find(namespace, label) ?? channels.find(namespace, label.replace(/-channel$/, ""));
}

function urlOf(subscriber, namespace) {
  if (subscriber.includes("://")) return subscriber;
  return subscriber.includes(".") ? `http://${subscriber}/` : `http://${subscriber}.${namespace}.svc.cluster.local/`;
}

function forward(url, contentType = "application/octet-stream", body) {
  const sent = post(url, { method: "POST", headers: { "content-type": contentType, "x-other-bus": bus } });
  sent.on("response", (response) => response.resume()).on("error", (error) => console.error(`${url}: ${error}`));
  sent.end(body);
}

server.listen(Number(port), () => console.log(`bus ${busNamespace}/${bus} listens on ${port}`));
process.once("SIGTERM", () => process.exit(0));

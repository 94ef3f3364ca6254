import { findKafkaProblem } from "@kelvin/testkit/kafka-jars";
import { findPubsubProblem } from "@kelvin/testkit/pubsub-emulator";
import { readFileSync } from "node:fs";
import { networkOptions } from "./cluster.ts";

// What the tests of Bus, Channel and Subscription are written in.

const hasWayOut = networkOptions.length === 0;
const problems: readonly (readonly [bus: string, problem: string | undefined])[] = [
  ["kafka", hasWayOut ? findKafkaProblem() : "needs namespaces"],
  ["gcppubsub", hasWayOut ? findPubsubProblem() : "needs namespaces"],
];

/** Why a bus does not run here; absent when it does. */
export const missingBuses: Readonly<Record<string, string>> = Object.fromEntries(
  problems.flatMap(([bus, problem]) => (problem === undefined ? [] : [[bus, problem]])),
);

/** The option that starts all buses that can run here. */
export const busOptions: readonly string[] = [
  "--bus",
  ["stub", "kafka", "gcppubsub"].filter((bus) => missingBuses[bus] === undefined).join(","),
];

/** 2018's YAML of a bus, with the brokers of this cluster in place of those that it names. */
export function busYaml(folder: "buses" | "cluster-buses", bus: string): string {
  const text = readFileSync(`samples/founding-channels/${folder}/${bus}.yaml`, "utf8");
  const emulator = "- name: PUBSUB_EMULATOR_HOST\n        value: host.kelvin.internal:8085\n      ";
  return text
    .replace("kafkabroker.kafka:9092", "host.kelvin.internal:9092")
    .replace("your-project", "kelvin")
    .replace("- name: GOOGLE_CLOUD_PROJECT", `${emulator}- name: GOOGLE_CLOUD_PROJECT`);
}

interface Place {
  readonly bus?: string;
  readonly clusterBus?: string;
}

/** A Channel, with arguments if any are given. */
export function busChannel(name: string, spec: Place & { arguments?: readonly object[] }): object {
  return { apiVersion: "channels.knative.dev/v1alpha1", kind: "Channel", metadata: { name }, spec };
}

/** A Subscription of the same name as its Channel, whose subscriber is the recorder. */
export function busSubscription(
  name: string,
  spec: { path?: string; channel?: string; replyTo?: string } = {},
): object {
  const { path = `/${name}`, channel = name, ...rest } = spec;
  const subscriber = `http://recorder.default.svc.cluster.local${path}`;
  return {
    apiVersion: "channels.knative.dev/v1alpha1",
    kind: "Subscription",
    metadata: { name },
    spec: { channel, subscriber, ...rest },
  };
}

/** A Bus or ClusterBus whose dispatcher is the third party's of these tests. */
export function otherBus(kind: "Bus" | "ClusterBus", name: string, spec: object = {}): object {
  const dispatcher = { image: "dev.local/other-bus", env: [{ name: "OF_THE_YAML", value: "kept" }] };
  return { apiVersion: "channels.knative.dev/v1alpha1", kind, metadata: { name }, spec: { dispatcher, ...spec } };
}

/** Where a Channel of `default` takes messages. */
export function addressOf(channel: string): string {
  return `http://${channel}-channel.default.svc.cluster.local/`;
}

/** Channels and Subscriptions as kubectl is to be asked for them: other groups have such kinds, too. */
export const channelNamed = (name: string): string => `channels.channels.knative.dev/${name}`;
export const subscriptionNamed = (name: string): string => `subscriptions.channels.knative.dev/${name}`;

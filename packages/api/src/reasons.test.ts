import { readFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { podAutoscalerReasons } from "./autoscaling/v1alpha1/pod-autoscaler.lifecycle.ts";
import { buildReasons } from "./build/v1alpha1/reasons.ts";
import * as channels from "./channels/v1alpha1/reasons.ts";
import * as eventing from "./eventing/v1/reasons.ts";
import { ingressReasons } from "./networking/v1alpha1/ingress.lifecycle.ts";
import * as serving from "./serving/v1/reasons.ts";

const page = readFileSync(new URL("../../../docs/reasons.md", import.meta.url), "utf8");

/** What the page's section of a kind lists: the first column, without the heading and the line below it. */
function listedReasons(kind: string): string[] {
  const section = page.split(/^#+ /m).find((text) => text.startsWith(`${kind}\n`)) ?? "";
  const cells = section.split("\n").flatMap((line) => /^\| ([A-Za-z]+) +\|/.exec(line)?.[1] ?? []);
  return cells.filter((cell) => cell !== "reason");
}

const reasonsByKind: readonly [string, Readonly<Record<string, string>>][] = [
  ["Build", buildReasons],
  ["Service", serving.serviceReasons],
  ["Configuration", serving.configurationReasons],
  ["Revision", serving.revisionReasons],
  ["Route", serving.routeReasons],
  ["PodAutoscaler", podAutoscalerReasons],
  ["Ingress", ingressReasons],
  ["Broker", eventing.brokerReasons],
  ["Trigger", eventing.triggerReasons],
  ["EventType", eventing.eventTypeReasons],
  ["Channel", eventing.channelReasons],
  ["Subscription", eventing.subscriptionReasons],
  ["InMemoryChannel", eventing.inMemoryChannelReasons],
  ["Bus and ClusterBus", channels.busReasons],
  ["Channel of channels.knative.dev", channels.busChannelReasons],
  ["Subscription of channels.knative.dev", channels.busSubscriptionReasons],
];

describe("docs/reasons.md lists the reasons of", () => {
  test.each(reasonsByKind)("%s: all of them, and no other", (kind, reasons) => {
    expect(listedReasons(kind).sort()).toEqual(Object.values(reasons).sort());
  });
});

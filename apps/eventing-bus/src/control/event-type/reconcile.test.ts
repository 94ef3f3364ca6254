import { defaultEventType, EventType } from "@kelvin/api/eventing/v1beta3";
import { describeReconcile, withSpec } from "@kelvin/testkit";
import { broker, eventType } from "../../../test/eventing-builders.ts";
import { lookupIn } from "../../../test/world-lookup.ts";
import { reconcileEventType, type EventTypeDeps } from "./reconcile.ts";

const key = "default/e";
const reference = { apiVersion: "eventing.knative.dev/v1", kind: "Broker", namespace: "default", name: "default" };
const missing = { ReferenceExists: "False/ReferenceDoesNotExist", Ready: "False/ReferenceDoesNotExist" };
const messageOf = (message: string): object => ({ conditions: [{ type: "Ready", message }, {}] });

describeReconcile<EventType, EventTypeDeps>(
  {
    kind: EventType,
    reconcile: reconcileEventType,
    default: defaultEventType,
    makeDeps: ({ kube }, context) => ({ ...context, lookup: lookupIn(kube) }),
  },
  [
    {
      name: "an EventType that refers to nothing is ready",
      world: [eventType("e")],
      key,
      wantStatus: { ReferenceExists: "True/ReferenceNotSet", Ready: "True" },
      wantStatusFields: { observedGeneration: 1 },
    },
    {
      name: "that refers to something is ready when that is there",
      world: [eventType("e", withSpec({ reference })), broker("default")],
      key,
      wantStatus: { ReferenceExists: "True", Ready: "True" },
    },
    {
      name: "that refers to nothing that is there is not ready",
      world: [eventType("e", withSpec({ reference }))],
      key,
      wantStatus: missing,
      wantStatusFields: messageOf("Reference Broker default/default does not exist"),
    },
    {
      name: "that refers to a forbidden kind says so",
      world: [eventType("e", withSpec({ reference: { ...reference, kind: "Secret" } }))],
      key,
      wantStatus: missing,
      wantStatusFields: messageOf("Reference Secret default/default (secrets may not be read) does not exist"),
    },
    {
      name: "that was stored by v1beta1, before there were references, refers to its Broker",
      world: [eventType("e", ({ spec }) => (delete spec.attributes, (spec.broker = "default"))), broker("default")],
      key,
      wantStatus: { ReferenceExists: "True", Ready: "True" },
    },
  ],
);

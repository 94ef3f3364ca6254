import { described, KeyedList, optionalText, Type, type Static } from "../meta/schema.ts";

/** Names an object of any kind. */
export const KReference = Type.Object({
  kind: optionalText("Kind of the object."),
  namespace: optionalText("Its namespace. Default: that of the object which holds this reference."),
  name: optionalText("Its name."),
  apiVersion: optionalText("Its API version, such as eventing.knative.dev/v1."),
  group: optionalText("Its API group, in place of apiVersion. Only with the feature kreference-group."),
  address: optionalText("Which of the object's addresses is meant, by name. Default: the first."),
});
export type KReference = Static<typeof KReference>;

/** Where events go: to an object that has an address, to a URI, or to a URI relative to the address of an object. */
export const Destination = Type.Object({
  ref: Type.Optional(described(KReference, "An object that has an address, or a Kubernetes Service.")),
  uri: optionalText(
    "An absolute URL; together with ref a URI relative to its address, which replaces the path if it begins with /.",
  ),
  CACerts: optionalText("PEM certificates that the receiver's certificate may be signed by, besides the system's."),
  audience: optionalText("OIDC audience of the receiver. Kept, without effect: OIDC is not served."),
});
export type Destination = Static<typeof Destination>;

/** One address of something that takes events. */
export const Addressable = Type.Object({
  name: optionalText("Name of the address, such as http."),
  url: optionalText("The URL."),
  CACerts: optionalText("PEM certificates that its certificate may be signed by."),
  audience: optionalText("OIDC audience of the receiver."),
});
export type Addressable = Static<typeof Addressable>;

/** What a status says of where the object takes events; spread it into the status schema. */
export const addressStatusProperties = {
  address: Type.Optional(described(Addressable, "Where events are sent to.")),
  addresses: Type.Optional(Type.Array(Addressable, { description: "All of its addresses, the preferred one first." })),
} as const;

/** What a status says of the identity that events are sent with; spread it into the status schema. */
export const authStatusProperties = {
  auth: Type.Optional(
    Type.Object(
      {
        serviceAccountName: optionalText("The ServiceAccount whose token is sent."),
        serviceAccountNames: Type.Optional(Type.Array(Type.String(), { description: "All of them, if several." })),
      },
      { description: "The identity that events are sent with. Absent: OIDC is not served." },
    ),
  ),
} as const;

/** What a status says of the EventPolicies that apply; spread it into the status schema. */
export const policiesStatusProperties = {
  policies: Type.Optional(
    Type.Array(
      Type.Object({
        name: optionalText("Name of the EventPolicy."),
        apiVersion: optionalText("API version of the EventPolicy."),
      }),
      { description: "The EventPolicies that apply. Absent: they are not served." },
    ),
  ),
} as const;

/** How events are delivered, and what becomes of those that cannot be. */
export const DeliverySpec = Type.Object({
  deadLetterSink: Type.Optional(described(Destination, "Where events go that could not be delivered.")),
  retry: Type.Optional(
    Type.Integer({ format: "int32", description: "Attempts after the first. Default 0 where a delivery is given." }),
  ),
  timeout: optionalText(
    "The longest an attempt may take, as an ISO 8601 duration such as PT30S, which is the default.",
  ),
  backoffPolicy: optionalText(
    "linear: the n-th retry waits n times the delay; exponential: delay·2ⁿ⁻¹. Needs backoffDelay.",
  ),
  backoffDelay: optionalText("The delay, as an ISO 8601 duration such as PT0.2S. Needs backoffPolicy."),
  retryAfterMax: optionalText(
    "How far a Retry-After is obeyed, such as PT2M. Only with the feature delivery-retryafter.",
  ),
  format: optionalText("json or binary: the form of events as delivered. Default: as they came."),
});
export type DeliverySpec = Static<typeof DeliverySpec>;

/** What a status says of the dead-letter sink; spread it into the status schema. */
export const deliveryStatusProperties = {
  deadLetterSinkUri: optionalText("Where events go that could not be delivered."),
  deadLetterSinkCACerts: optionalText("PEM certificates that its certificate may be signed by."),
  deadLetterSinkAudience: optionalText("Its OIDC audience."),
} as const;

/** Where the dead letters go, resolved. */
export interface DeliveryStatus {
  deadLetterSinkUri?: string;
  deadLetterSinkCACerts?: string;
  deadLetterSinkAudience?: string;
}

/** One subscriber of a channel's implementation, resolved. Written by whoever subscribes. */
export const SubscriberSpec = Type.Object({
  name: optionalText("Name of the Subscription."),
  uid: Type.String({ description: "UID of the Subscription, by which entries are told apart." }),
  generation: Type.Optional(
    Type.Integer({ format: "int64", description: "Generation of the Subscription that this entry was made from." }),
  ),
  subscriberUri: optionalText("Where events go."),
  subscriberCACerts: optionalText("PEM certificates of the subscriber."),
  subscriberAudience: optionalText("OIDC audience of the subscriber."),
  replyUri: optionalText("Where answers go that are events."),
  replyCACerts: optionalText("PEM certificates of the reply's receiver."),
  replyAudience: optionalText("OIDC audience of the reply's receiver."),
  delivery: Type.Optional(described(DeliverySpec, "How events are delivered.")),
  ...authStatusProperties,
});
export type SubscriberSpec = Static<typeof SubscriberSpec>;

/** How a channel stands to one of its subscribers. */
export const SubscriberStatus = Type.Object({
  uid: Type.String({ description: "UID of the Subscription." }),
  observedGeneration: Type.Optional(
    Type.Integer({ format: "int64", description: "Generation of the Subscription that this speaks of." }),
  ),
  ready: optionalText("True when all of the channel's events will reach the subscriber."),
  message: optionalText("Why it is not ready."),
  ...authStatusProperties,
});
export type SubscriberStatus = Static<typeof SubscriberStatus>;

/** The fields that the spec of everything channel-like has; spread it into the spec schema. */
export const channelableSpecProperties = {
  subscribers: Type.Optional(
    KeyedList(SubscriberSpec, "uid", { description: "Who gets the events. Written by the controller." }),
  ),
  delivery: Type.Optional(described(DeliverySpec, "How events are delivered to Subscriptions that do not say it.")),
} as const;

/** The fields that the status of everything channel-like has; spread it into the status schema. */
export const channelableStatusProperties = {
  ...addressStatusProperties,
  ...deliveryStatusProperties,
  ...policiesStatusProperties,
  subscribers: Type.Optional(
    KeyedList(SubscriberStatus, "uid", { description: "How the channel stands to each of its subscribers." }),
  ),
} as const;

/** What a Subscription or Trigger says of one resolved address, for the fields `<name>Uri`, `<name>CACerts` and `<name>Audience`. */
export const subscriberStatusProperties = {
  subscriberUri: optionalText("Where events go."),
  subscriberCACerts: optionalText("PEM certificates that its certificate may be signed by."),
  subscriberAudience: optionalText("Its OIDC audience."),
} as const;

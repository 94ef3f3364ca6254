import protos from "@google-cloud/pubsub/build/protos/protos.js";

/** One call of the service: where it goes, and how its messages are written and read. */
export interface PubsubMethod<Request, Response> {
  readonly path: string;
  readonly serialize: (request: Request) => Buffer;
  readonly deserialize: (bytes: Buffer) => Response;
}

interface Writes<Request> {
  encode(message: Request): { finish(): Uint8Array };
}

interface Reads<Response> {
  decode(bytes: Uint8Array): Response;
}

function method<Request, Response>(
  path: string,
  request: Writes<Request>,
  response: Reads<Response>,
): PubsubMethod<Request, Response> {
  return {
    path: `/google.pubsub.v1.${path}`,
    serialize: (message) => {
      const bytes = request.encode(message).finish();
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    },
    deserialize: (bytes) => response.decode(bytes),
  };
}

const { v1 } = protos.google.pubsub;
const { Empty } = protos.google.protobuf;

/**
 * The calls that are used here, with the client's own messages. Its own clients are not: to load them takes 0.5 s and
 * 60 MB, they repeat calls behind the caller's back, and their window is one a stream, not one a reader.
 */
export const pubsubMethods = {
  createTopic: method("Publisher/CreateTopic", v1.Topic, v1.Topic),
  getTopic: method("Publisher/GetTopic", v1.GetTopicRequest, v1.Topic),
  deleteTopic: method("Publisher/DeleteTopic", v1.DeleteTopicRequest, Empty),
  listTopicSubscriptions: method(
    "Publisher/ListTopicSubscriptions",
    v1.ListTopicSubscriptionsRequest,
    v1.ListTopicSubscriptionsResponse,
  ),
  publish: method("Publisher/Publish", v1.PublishRequest, v1.PublishResponse),
  createSubscription: method("Subscriber/CreateSubscription", v1.Subscription, v1.Subscription),
  getSubscription: method("Subscriber/GetSubscription", v1.GetSubscriptionRequest, v1.Subscription),
  updateSubscription: method("Subscriber/UpdateSubscription", v1.UpdateSubscriptionRequest, v1.Subscription),
  deleteSubscription: method("Subscriber/DeleteSubscription", v1.DeleteSubscriptionRequest, Empty),
  pull: method("Subscriber/Pull", v1.PullRequest, v1.PullResponse),
  streamingPull: method("Subscriber/StreamingPull", v1.StreamingPullRequest, v1.StreamingPullResponse),
  acknowledge: method("Subscriber/Acknowledge", v1.AcknowledgeRequest, Empty),
  modifyAckDeadline: method("Subscriber/ModifyAckDeadline", v1.ModifyAckDeadlineRequest, Empty),
} as const;

/** A message as it is published. */
export type PublishedMessage = protos.google.pubsub.v1.IPubsubMessage;

/** A message as it is received. */
export type ReceivedMessage = protos.google.pubsub.v1.IReceivedMessage;

/** A subscription as the service describes it. */
export type SubscriptionDescription = protos.google.pubsub.v1.ISubscription;

/** What is sent on a stream of received messages. */
export type StreamingPullRequest = protos.google.pubsub.v1.IStreamingPullRequest;

/** What comes on a stream of received messages. */
export type StreamingPullResponse = protos.google.pubsub.v1.IStreamingPullResponse;

/** A point in time, as the service writes it. */
export type ServiceTimestamp = protos.google.protobuf.ITimestamp;

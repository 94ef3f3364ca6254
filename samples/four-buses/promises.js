/** What each bus promises, as docs/eventing.md has it. */
export const promises = {
  stub: {
    keeps: "memory of its Pod",
    order: "no",
    bound: "64 MiB, then 429",
    duplicates: "by retries",
    kill: "all not delivered",
  },
  nats: {
    keeps: "JetStream, on disk",
    order: "no",
    bound: "64 MiB, then 429",
    duplicates: "after a crash",
    kill: "nothing",
  },
  kafka: {
    keeps: "Kafka, on disk",
    order: "no",
    bound: "64 MiB, then 429",
    duplicates: "after a crash",
    kill: "nothing",
  },
  gcppubsub: {
    keeps: "the service (*)",
    order: "no",
    bound: "the service's",
    duplicates: "at any time",
    kill: "nothing",
  },
};

import { describe, expect, test } from "@jest/globals";
import type { BusParameter } from "@kelvin/api/channels/v1alpha1/kinds";
import { channelArguments, subscriptionArguments } from "./bus-arguments.ts";
import type { BusKind } from "./bus-kind.ts";

const optional = (name: string): BusParameter => ({ name, default: "" });
const kafkaChannel = [optional("NumPartitions"), optional("ReplicationFactor")];

/** Arguments as people write them, by name. */
function given(values: Record<string, string>) {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

describe("a channel on Kafka", () => {
  test.each<[Record<string, string>, object]>([
    [{}, { partitions: 1, settings: {} }],
    [
      { NumPartitions: "256", ReplicationFactor: "3" },
      { partitions: 256, settings: { replicas: "3" } },
    ],
  ])("with %j", (values, value) => {
    expect(channelArguments("kafka", { declared: kafkaChannel, given: given(values) })).toEqual({ ok: true, value });
  });

  test.each<[Record<string, string>, string]>([
    [{ NumPartitions: "0" }, 'argument NumPartitions: must be a whole number from 1 to 256, was "0"'],
    [{ NumPartitions: "257" }, 'argument NumPartitions: must be a whole number from 1 to 256, was "257"'],
    [{ NumPartitions: "many" }, 'argument NumPartitions: must be a whole number from 1 to 256, was "many"'],
    [{ NumPartitions: "1.5" }, "argument NumPartitions"],
    [{ ReplicationFactor: "-1" }, 'argument ReplicationFactor: must be a whole number from 1 to 32, was "-1"'],
  ])("with %j is told what is wrong", (values, problem) => {
    const told = channelArguments("kafka", { declared: kafkaChannel, given: given(values) });
    expect(told).toEqual({ ok: false, problem: expect.stringContaining(problem) });
  });

  test("whose bus declares no parameter has one partition, whatever it says (1.11)", () => {
    const told = channelArguments("kafka", { declared: [], given: given({ NumPartitions: "5" }) });
    expect(told).toEqual({ ok: true, value: { partitions: 1, settings: {} } });
  });

  test("takes the default of its bus", () => {
    const declared = [{ name: "NumPartitions", default: "4" }];
    expect(channelArguments("kafka", { declared, given: undefined })).toMatchObject({ value: { partitions: 4 } });
  });
});

describe("a subscription on Kafka", () => {
  test.each([
    [undefined, "end"],
    ["", "end"],
    ["Newest", "end"],
    ["Oldest", "beginning"],
  ])("with initialOffset %j begins at the %s", (offset, from) => {
    const texts = {
      declared: [optional("initialOffset")],
      given: offset === undefined ? [] : given({ initialOffset: offset }),
    };
    expect(subscriptionArguments("kafka", texts)).toEqual({ ok: true, value: { from } });
  });

  test("with any other initialOffset is told what is allowed", () => {
    const texts = { declared: [optional("initialOffset")], given: given({ initialOffset: "oldest" }) };
    expect(subscriptionArguments("kafka", texts)).toEqual({
      ok: false,
      problem: 'argument initialOffset: must be Oldest or Newest, was "oldest"',
    });
  });
});

describe.each<BusKind>(["stub", "nats", "kafka", "gcppubsub"])("on %s", (kind) => {
  test("a required argument that is not given is named, and so is the one that was meant", () => {
    const texts = { declared: [{ name: "Size" }, { name: "Colour" }], given: given({ Sise: "1", Colour: "red" }) };
    const problem = "missing required arguments: Size; the bus declares no parameter Sise";
    expect(channelArguments(kind, texts)).toEqual({ ok: false, problem });
    expect(subscriptionArguments(kind, texts)).toEqual({ ok: false, problem });
  });

  test("parameters that mean nothing to it are in nobody's way", () => {
    const texts = { declared: [{ name: "Size", default: "1" }], given: given({ Size: "2", Other: "3" }) };
    expect(channelArguments(kind, texts)).toEqual({ ok: true, value: { partitions: 1, settings: {} } });
    expect(subscriptionArguments(kind, texts)).toEqual({ ok: true, value: { from: "end" } });
  });
});

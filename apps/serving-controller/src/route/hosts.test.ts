import { describe, expect, test } from "@jest/globals";
import { parseServingConfig } from "@kelvin/api/serving/config";
import { withLabels } from "@kelvin/testkit";
import { route } from "../../test/builders.ts";
import { makeGroupHosts } from "./hosts.ts";
import { makeNameSettings } from "./name-settings.ts";

const settings = (network: Record<string, string> = {}, domain: Record<string, string> = { "example.com": "" }) =>
  makeNameSettings(parseServingConfig({ "config-domain": domain, "config-network": network }));
const noLocalTags = new Set<string>();

describe("the names of a Route", () => {
  test("are three inside the cluster and one outside", () => {
    expect(makeGroupHosts(route("hello"), "", { settings: settings(), localTags: noLocalTags })).toEqual({
      tag: "",
      serviceName: "hello",
      localHosts: ["hello.default", "hello.default.svc", "hello.default.svc.cluster.local"],
      publicHost: "hello.default.example.com",
      url: "http://hello.default.example.com",
    });
  });

  test("of a tag begin with it", () => {
    const group = makeGroupHosts(route("hello"), "v1", { settings: settings(), localTags: noLocalTags });
    expect(group).toMatchObject({ serviceName: "v1-hello", publicHost: "v1-hello.default.example.com" });
  });

  test("carry the gateway's port in the URL only", () => {
    const group = makeGroupHosts(route("hello"), "", {
      settings: settings({ "kelvin.dev/external-port": "8080" }),
      localTags: noLocalTags,
    });
    expect(group).toMatchObject({
      publicHost: "hello.default.example.com",
      url: "http://hello.default.example.com:8080",
    });
  });

  test("follow the templates", () => {
    const custom = settings({
      "domain-template": "{{.Name}}-{{.Namespace}}.{{.Domain}}",
      "tag-template": "{{.Name}}-{{.Tag}}",
    });
    const group = makeGroupHosts(route("hello"), "v1", { settings: custom, localTags: noLocalTags });
    expect(group.publicHost).toBe("hello-v1-default.example.com");
  });

  test("stay inside the cluster by label, by domain, or by the label of a tag's placeholder", () => {
    const url = "http://hello.default.svc.cluster.local";
    const labelled = route("hello", withLabels({ "networking.knative.dev/visibility": "cluster-local" }));
    expect(makeGroupHosts(labelled, "", { settings: settings(), localTags: noLocalTags })).toMatchObject({ url });
    const unset = makeGroupHosts(route("hello"), "", { settings: settings({}, {}), localTags: noLocalTags });
    expect(unset).toMatchObject({ url });
    expect(unset.publicHost).toBeUndefined();
    const tagged = makeGroupHosts(route("hello"), "v1", { settings: settings(), localTags: new Set(["v1"]) });
    expect(tagged.url).toBe("http://v1-hello.default.svc.cluster.local");
  });

  test("that are too long are refused with the reason", () => {
    const long = route("h".repeat(60));
    expect(() => makeGroupHosts(long, "version-1", { settings: settings(), localTags: noLocalTags })).toThrow(
      /invalid domain name .*63/,
    );
  });
});

import { describe, expect, test } from "@jest/globals";
import {
  dns1035LabelProblems,
  dns1035PrefixProblems,
  dns1123LabelProblems,
  dns1123SubdomainProblems,
  qualifiedNameProblems,
} from "./dns-names.ts";

const text1035 =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and " +
  "end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

describe("good names", () => {
  test.each([
    [dns1035LabelProblems, "hello"],
    [dns1035LabelProblems, "a".repeat(63)],
    [dns1035PrefixProblems, "hello-"],
    [dns1123LabelProblems, "1hello"],
    [dns1123SubdomainProblems, "a.b-c.1"],
    [qualifiedNameProblems, "example.com/My_Name.1"],
    [qualifiedNameProblems, "My_Name.1"],
  ])("%p %s", (problems, name) => {
    expect(problems(name)).toEqual([]);
  });
});

describe("bad names", () => {
  test.each([
    [dns1035LabelProblems, "1hello", [text1035]],
    [dns1035LabelProblems, "Hello", [text1035]],
    [dns1035LabelProblems, "a".repeat(64), ["must be no more than 63 characters"]],
    [dns1035LabelProblems, "a-", [text1035]],
    [dns1035PrefixProblems, "A-", [text1035]],
  ])("%p %s", (problems, name, want) => {
    expect(problems(name)).toEqual(want);
  });

  test("say which part of a qualified name is wrong", () => {
    expect(qualifiedNameProblems("/name")).toEqual(["prefix part must be non-empty"]);
    expect(qualifiedNameProblems("Bad_/name")[0]).toContain("prefix part a lowercase RFC 1123 subdomain");
    expect(qualifiedNameProblems("x/")).toEqual(["name part must be non-empty"]);
    expect(qualifiedNameProblems("-x")[0]).toContain("name part must consist of");
    expect(qualifiedNameProblems("a/b/c")[0]).toContain("with an optional DNS subdomain prefix and '/'");
  });

  test("a subdomain's error is Kubernetes' own", () => {
    expect(dns1123SubdomainProblems("foo@bar.baz")).toEqual([
      "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and " +
        "end with an alphanumeric character (e.g. 'example.com', regex used for validation is " +
        "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ]);
  });
});

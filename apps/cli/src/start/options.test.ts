import { describe, expect, test } from "@jest/globals";
import { parseStartOptions, resolvePaths, type StartOptions } from "./options.ts";

const parse = (words: readonly string[], environment: Record<string, string> = {}): StartOptions | undefined =>
  parseStartOptions(words, environment);

describe("parseStartOptions", () => {
  test("defaults", () => {
    const { buses, ...options } = parse([]) ?? {};
    expect(buses?.map(({ name }) => name)).toEqual(["stub"]);
    expect(options).toEqual({
      dataDir: ".kelvin",
      isEphemeral: false,
      apiPort: 6443,
      httpPort: 8080,
      network: "auto",
      authorization: "enforce",
      egress: "on",
    });
  });

  test("a network is one of those there are", () => {
    expect(parse(["--network", "loopback"])?.network).toBe("loopback");
    expect(() => parse(["--network", "bridge"])).toThrow('--network "bridge" is not one of auto, namespaces, loopback');
  });

  test("the way out is on or off, for ports that exist", () => {
    expect(parse(["--egress", "off", "--egress-ports", "443, 8000-8100"])).toMatchObject({
      egress: "off",
      egressPorts: "443, 8000-8100",
    });
    expect(() => parse(["--egress", "yes"])).toThrow('--egress "yes" is not one of on, off');
    expect(() => parse(["--egress-ports", "443,x"])).toThrow('--egress-ports "x" is not a port between 1 and 65535');
    expect(() => parse(["--egress-ports", "90-80"])).toThrow("the range goes backwards");
    expect(() => parse(["--egress-ports", "1-65535"])).toThrow("65535 ports, but at most 4000");
    expect(() => parse(["--egress-ports", ""])).toThrow('--egress-ports "" is not a port');
  });

  test("the registry's port is nobody else's", () => {
    expect(parse(["--registry-port", "5001"])?.registryPort).toBe(5001);
    expect(() => parse(["--registry-port", "8081"])).toThrow("--registry-port 8081 is taken by the gateway or the API");
  });

  test("buses are one or more of those there are; only theirs of the environment is read", () => {
    const named = parse(["--bus", "kafka, stub"], { NATS_URL: "http://nonsense" })?.buses;
    expect(named?.map(({ name }) => name)).toEqual(["kafka", "stub"]);
    expect(() => parse(["--bus", "stub,nats,stub"])).toThrow("--bus names stub twice");
    expect(() => parse(["--bus", "nats"], { NATS_URL: "http://nonsense" })).toThrow("NATS_URL");
  });

  test("RBAC is enforced, audited or left out", () => {
    expect(parse(["--authorization", "audit"])?.authorization).toBe("audit");
    expect(() => parse(["--authorization", "none"])).toThrow("is not one of enforce, audit, allow");
  });

  test("all options", () => {
    const words = [
      "--data-dir",
      "/d",
      "--ephemeral",
      "--api-port=1",
      "--http-port",
      "20",
      "--registry-port",
      "3",
      "--images-dir",
      "i",
    ];
    expect(parse(words)).toMatchObject({
      dataDir: "/d",
      isEphemeral: true,
      apiPort: 1,
      httpPort: 20,
      registryPort: 3,
      imagesDir: "i",
    });
  });

  test("--help is no start", () => {
    expect(parse(["--help"])).toBeUndefined();
  });

  test.each([
    [["--foo"], /Unknown option '--foo'/],
    [["extra"], /Unexpected argument 'extra'/],
    [["--http-port"], /argument missing/],
    [["--http-port", "abc"], '--http-port "abc" is not a port between 1 and 65535'],
    [["--api-port", "0"], '--api-port "0" is not a port'],
    [["--http-port", "65535"], "the port after it must exist too"],
    [["--http-port", "6442"], "--api-port 6443 is taken by the gateway"],
    [["--bus", "redis"], '--bus "redis" is not one of stub, nats, kafka, gcppubsub'],
  ])("%j is refused", (words, message) => {
    expect(() => parse(words)).toThrow(message);
  });

  test("an option that npm swallowed is refused with the right command", () => {
    expect(() => parse(["--ephemeral"], { npm_config_http_port: "9", npm_config_registry: "https://x" })).toThrow(
      "npm took --http-port=9 for itself. Put -- before the options:\n  npm start -- --http-port=9 --ephemeral",
    );
    expect(() => parse([], { npm_config_ephemeral: "true" })).toThrow("npm start -- --ephemeral");
  });
});

test("resolvePaths is relative to where the user stands", () => {
  const options = parse(["--images-dir", "images", "--data-dir", "/d"]);
  expect(options && resolvePaths(options, "/home/me")).toMatchObject({ dataDir: "/d", imagesDir: "/home/me/images" });
});

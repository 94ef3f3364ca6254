import { readFileSync } from "node:fs";
import { afterEach, expect, test } from "@jest/globals";
import * as httpProxy from "./index.ts";
import type { ProxyServer } from "./index.ts";
import { openAnsweringContainer, openRig, textResponse } from "./raw-sockets.fixture.ts";

const rig = openRig();
afterEach(() => rig.close());

type Example = (
  imports: typeof httpProxy,
  world: { address: string; log: (line: string) => void },
) => Promise<ProxyServer>;

test("the README's example works as it stands there", async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const code = /```ts\nimport \{([^}]*)\} from "@kelvin\/http-proxy";\n([^]*?)```/.exec(readme);
  // oxlint-disable-next-line typescript/no-implied-eval -- it is our own README
  const example = new Function(
    "imports",
    "world",
    `const {${code?.[1]}} = imports; const { address, log } = world; return (async () => { ${code?.[2]}; return proxy; })();`,
  ) as Example;

  const container = await rig.containerOf(
    openAnsweringContainer((head) => textResponse(head.includes("K-Proxy-Request: activator") ? "hello" : "?")),
  );
  const lines: string[] = [];
  const proxy = await example(httpProxy, { address: container.address, log: (line) => lines.push(line) });
  const client = await rig.clientOf(proxy.addresses["public"]!.port);
  client.send("GET /a?b HTTP/1.1\r\nHost: hello.example\r\nK-Evil: 1\r\n\r\n");
  await client.untilReceived("hello");
  client.send("GET / HTTP/1.1\r\nHost: other.example\r\n\r\n");
  expect(await client.untilReceived("no such host")).toContain("404 Not Found");
  expect(lines).toEqual(["slot free: complete", "GET /a 200 forwarded"]);
  await proxy.close();
});

import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "@jest/globals";
import { systemClock, type SendOutcome } from "@kelvin/bus";
import { issueCertificates } from "@kelvin/x509";
import { openHttpSender } from "./http-sender.ts";

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A subscriber over TLS; answers with what it got, or not at all. */
async function secureSubscriber(isSilent = false): Promise<{ url: string; caCertificates: string }> {
  const { ca, serving } = issueCertificates({
    now: new Date(),
    authority: { name: "test authority", days: 1 },
    serving: { name: "subscriber", days: 1, names: [], addresses: ["127.0.0.1"] },
  });
  const server = createServer({ key: serving.key, cert: serving.cert }, (message, response) => {
    let body = "";
    message.on("data", (part: Buffer) => (body += part.toString()));
    message.on("end", () => {
      if (!isSilent) response.writeHead(200, { "ce-id": String(message.headers["ce-id"]) }).end(`got ${body}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { url, caCertificates: ca.cert };
}

function send(destination: { url: string; caCertificates?: string }, timeoutMs = 5_000): Promise<SendOutcome> {
  const sender = openHttpSender({
    connectionsMax: 2,
    originsMax: 1,
    answerBytesMax: 6,
    connectMsMax: 1_000,
    clock: systemClock,
  });
  closers.push(() => sender.close());
  const message = { headers: ["ce-id", "1"], body: Buffer.from("data") };
  return sender.send({ consumerId: "c", purpose: "deliver", destination, message, timeoutMs });
}

test("a subscriber over TLS is posted to when its certificate is known, and its answer is bounded", async () => {
  const subscriber = await secureSubscriber();
  const outcome = await send(subscriber);
  expect(outcome).toMatchObject({ kind: "answered", status: 200 });
  expect(outcome.kind === "answered" && outcome.headers.join(" ")).toContain("ce-id 1");
  expect(outcome.kind === "answered" && outcome.body.toString()).toBe("got da");
});

test("one whose certificate nobody knows is not, and says so; one that is silent is given up", async () => {
  const { url } = await secureSubscriber();
  expect(await send({ url })).toMatchObject({ kind: "unanswered", reason: expect.stringContaining("certificate") });
  const silent = await send(await secureSubscriber(true), 200);
  expect(silent).toEqual({ kind: "unanswered", reason: "no answer within 200 ms" });
});

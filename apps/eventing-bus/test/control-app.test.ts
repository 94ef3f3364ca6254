import { expect, test } from "@jest/globals";
import { createLogger, type RunningService } from "@kelvin/http-service";
import { Lease, systemClock } from "@kelvin/kube";
import { openFakeKube, type FakeKube } from "@kelvin/testkit";
import { openControl } from "../src/control/app.ts";
import { fakeBuses } from "./fake-buses.ts";

const log = createLogger("test", { level: process.env["TEST_LOG"] ?? "silent" });

function start(kube: FakeKube): Promise<RunningService> {
  const config = {
    systemNamespace: "knative-eventing",
    podName: "ec-1",
    host: "127.0.0.1",
    internalPort: 0,
    admissionPort: 0,
  };
  return openControl(config, { kube, clock: systemClock, log, openBusWatch: () => fakeBuses().watch });
}

test("takes its Lease, and gives it up when it ends", async () => {
  const kube = openFakeKube({});
  const app = await start(kube);
  const holder = (): string | null | undefined => kube.objects(Lease)[0]?.spec?.holderIdentity;
  for (let tries = 0; holder() !== "ec-1" && tries < 500; tries += 1) await systemClock.sleep(10);
  expect(kube.objects(Lease)[0]?.metadata.name).toBe("eventing-controller");
  expect(holder()).toBe("ec-1");
  await app.close();
  expect(holder() ?? "").toBe("");
});

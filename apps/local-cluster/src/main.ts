import { type App, openApp } from "./app.ts";
import { parseConfig } from "./config.ts";
import { makeLog } from "./log.ts";
import type { HostMessage, HostProcess } from "./network/host-ports.ts";

// Runs inside the namespaces that apps/cli has made, as its child: see apps/cli/src/start/cluster-process.ts.

const log = makeLog(
  (line) => process.stderr.write(line),
  () => new Date(),
);
const host = process as HostProcess;
let app: App | undefined;

process.on("unhandledRejection", (error) => {
  log.error({ error }, "Unhandled rejection");
});
// The channel breaks when the host side is gone. Nothing of us may outlive it.
process.on("disconnect", () => process.exit(1));
// The node agent alone is begun anew, and takes over the Pods as they run.
process.on("SIGHUP", () => {
  app?.restartNodeAgent().catch(fail);
});
process.on("message", (message: HostMessage) => {
  if (message.type === "stop") stop().catch(fail);
});

async function stop(): Promise<void> {
  // Told to stop before there is anything to stop: the end of this process is the end of all.
  await app?.close();
  process.exit(0);
}

function fail(error: unknown): void {
  log.error({ error }, "The local cluster failed");
  host.send?.({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  process.exit(1);
}

try {
  app = await openApp(parseConfig(process.argv.slice(2)), { host, log });
  host.send?.({ type: "serving", url: app.url });
} catch (error) {
  fail(error);
}

import { request } from "node:http";
import { request as requestTls } from "node:https";
import { connect } from "node:net";
import type { ContainerSpec } from "./container-env.ts";
import { type EnterableContainer, exitCodeOf, killGroup, spawnInside } from "./inside-container.ts";
import type { ProbeSpec } from "./probe.ts";

const OUTPUT_BYTES_MAX = 1024;

/** What a probe or hook is made against. */
export interface ProbeTarget extends EnterableContainer {
  readonly podIp: string;
  readonly container: ContainerSpec;
}

/** Success, or a failure in the kubelet's words. */
export type ProbeResult = { readonly ok: true } | { readonly ok: false; readonly message: string };

/** Makes one probe. Never rejects: whatever goes wrong is a failed probe. */
export function checkProbe(probe: ProbeSpec, target: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  if (probe.httpGet !== undefined) return checkHttp(probe.httpGet, target, timeoutMs);
  if (probe.tcpSocket !== undefined) {
    return checkTcp(probe.tcpSocket.host ?? target.podIp, portOf(probe.tcpSocket.port, target.container), timeoutMs);
  }
  if (probe.exec !== undefined) return checkExec(probe.exec.command ?? [], target, timeoutMs);
  if (probe.grpc !== undefined) return checkGrpc(probe.grpc, target, timeoutMs);
  return Promise.resolve({ ok: true });
}

/** A port by number or by its name in the container; NaN for a name that is not there, which then fails to connect. */
export function portOf(port: number | string, container: ContainerSpec): number {
  if (typeof port === "number") return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort;
  return named ?? Number(port);
}

type HttpGet = NonNullable<ProbeSpec["httpGet"]>;

export function checkHttp(httpGet: HttpGet, target: ProbeTarget, timeoutMs: number): Promise<ProbeResult> {
  const port = portOf(httpGet.port as number | string, target.container);
  if (!isPort(port)) return Promise.resolve({ ok: false, message: `there is no port "${String(httpGet.port)}"` });
  const host = httpGet.host ?? target.podIp;
  const path = httpGet.path === undefined || httpGet.path === "" ? "/" : httpGet.path;
  const isTls = httpGet.scheme === "HTTPS";
  const url = `${isTls ? "https" : "http"}://${host}:${port}${path.startsWith("/") ? path : `/${path}`}`;
  const own = Object.fromEntries((httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  const headers = { "User-Agent": "kube-probe/1.34", Accept: "*/*", Connection: "close", ...own };
  return new Promise((resolve) => {
    const fail = (message: string): void => {
      resolve({ ok: false, message: `Get "${url}": ${message}` });
    };
    const send = isTls ? requestTls : request;
    const call = send(url, { agent: false, headers, rejectUnauthorized: false, timeout: timeoutMs }, (response) => {
      response.resume();
      const code = response.statusCode ?? 0;
      if (code >= 200 && code < 400) resolve({ ok: true });
      else resolve({ ok: false, message: `HTTP probe failed with statuscode: ${code}` });
      response.on("error", () => undefined);
      // The answer is known; a body that never ends is nobody's concern.
      call.setTimeout(timeoutMs, () => call.destroy());
    });
    const deadline = setTimeout(() => {
      fail("context deadline exceeded");
      call.destroy();
    }, timeoutMs);
    call.on("error", (error) => {
      fail(describeFailure(error));
    });
    call.on("close", () => {
      clearTimeout(deadline);
    });
    call.end();
  });
}

async function checkGrpc(
  { port, service = "" }: NonNullable<ProbeSpec["grpc"]>,
  { podIp }: ProbeTarget,
  timeoutMs: number,
): Promise<ProbeResult> {
  // Few Pods ask for it, and HTTP/2 is much to load.
  const { checkGrpcHealth } = await import("./grpc-health.ts");
  const failure = await checkGrpcHealth({ host: podIp, port, service }, timeoutMs);
  return failure === undefined ? { ok: true } : { ok: false, message: failure };
}

function checkTcp(host: string, port: number, timeoutMs: number): Promise<ProbeResult> {
  if (!isPort(port)) return Promise.resolve({ ok: false, message: `there is no port ${port}` });
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const finish = (result: ProbeResult): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(timeoutMs, () => {
      finish({ ok: false, message: `dial tcp ${host}:${port}: i/o timeout` });
    });
    socket.once("connect", () => {
      finish({ ok: true });
    });
    socket.once("error", (error) => {
      finish({ ok: false, message: `dial tcp ${host}:${port}: ${describeFailure(error)}` });
    });
  });
}

export async function checkExec(
  command: readonly string[],
  target: ProbeTarget,
  timeoutMs: number,
): Promise<ProbeResult> {
  const child = await spawnInside(command, target, { hasStdin: false });
  return new Promise((resolve) => {
    let output = "";
    const keep = (chunk: Buffer): void => {
      if (output.length < OUTPUT_BYTES_MAX) output += chunk.toString("utf8");
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    const deadline = setTimeout(() => {
      resolve({ ok: false, message: `command timed out after ${timeoutMs / 1000}s` });
      killGroup(child);
    }, timeoutMs);
    child.on("error", (error) => {
      clearTimeout(deadline);
      resolve({ ok: false, message: error.message });
    });
    child.on("exit", (code, signal) => {
      clearTimeout(deadline);
      const exitCode = exitCodeOf(code, signal);
      resolve(
        exitCode === 0 ? { ok: true } : { ok: false, message: `command exited with ${exitCode}: ${output.trim()}` },
      );
    });
  });
}

/** In the words of the kubelet, which people search for. */
function describeFailure(error: NodeJS.ErrnoException): string {
  if (error.code === "ECONNREFUSED") return "connect: connection refused";
  if (error.code === "ECONNRESET") return "connection reset by peer";
  if (error.code === "EHOSTUNREACH") return "connect: no route to host";
  return error.message;
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port > 0 && port < 65536;
}

// Loaded into every process of a cluster on the loopback network (`NODE_OPTIONS=--import`), before its own code. It
// translates addresses below everything that opens a socket, so that no program needs to know where it is.
import { openPodLookup } from "./pod-lookup.ts";
import { makeTranslation, type Place, type Translation } from "./translation.ts";

type Handle = Record<string, (this: unknown, ...words: unknown[]) => unknown>;
type Binding = Record<string, { prototype: Handle }>;

function translateSockets(translation: Translation): void {
  // The one layer that all of node:net, node:http, node:tls and fetch pass; there is no public name for it.
  const { binding } = process as { binding?: (name: string) => unknown };
  const tcp = (binding?.call(process, "tcp_wrap") as Binding | undefined)?.["TCP"]?.prototype;
  const udp = (binding?.call(process, "udp_wrap") as Binding | undefined)?.["UDP"]?.prototype;
  if (tcp === undefined || udp === undefined)
    throw new Error("this version of node cannot run on the loopback network");
  for (const handle of [tcp, udp]) {
    translateBind(handle, translation);
    translateShown(handle, "getsockname", translation);
    translateShown(handle, "getpeername", translation);
  }
  translateConnect(tcp, translation);
  translateSend(udp, translation);
}

function translateBind(handle: Handle, { bind }: Translation): void {
  const { bind: bind4, bind6 } = handle;
  const translated = (original: Handle[string] | undefined) =>
    function (this: unknown, ...words: unknown[]): unknown {
      const [address, port] = words;
      const place = bind({ address: String(address), port: Number(port) });
      if (place.address === address) return original?.apply(this, words);
      return bind4?.call(this, place.address, place.port, 0);
    };
  handle["bind"] = translated(bind4);
  handle["bind6"] = translated(bind6);
}

function translateConnect(handle: Handle, { connect }: Translation): void {
  const { connect: connect4, connect6 } = handle;
  const translated = (original: Handle[string] | undefined) =>
    function (this: unknown, ...words: unknown[]): unknown {
      const [request, address, port] = words;
      const place = connect({ address: String(address), port: Number(port) });
      if (place.address === address) return original?.apply(this, words);
      return connect4?.call(this, request, place.address, place.port);
    };
  handle["connect"] = translated(connect4);
  handle["connect6"] = translated(connect6);
}

function translateSend(handle: Handle, { connect }: Translation): void {
  const { send } = handle;
  handle["send"] = function (this: unknown, ...words: unknown[]): unknown {
    const [request, list, count, port, address, ...rest] = words;
    if (typeof port !== "number" || typeof address !== "string") return send?.apply(this, words);
    const place = connect({ address, port });
    return send?.call(this, request, list, count, place.port, place.address, ...rest);
  };
}

function translateShown(handle: Handle, name: "getsockname" | "getpeername", { show }: Translation): void {
  const original = handle[name];
  if (original === undefined) return;
  handle[name] = function (this: unknown, ...words: unknown[]): unknown {
    const result = original.apply(this, words);
    const shown = words[0] as Partial<Place> | undefined;
    if (shown?.address !== undefined && shown.port !== undefined) {
      Object.assign(shown, show({ address: shown.address, port: shown.port }));
    }
    return result;
  };
}

// oxlint-disable-next-line node/no-process-env -- there is nobody who could pass it as an argument
const { KELVIN_LOOPBACK_BLOCK: block, KELVIN_LOOPBACK_POD: podIp, KELVIN_LOOPBACK_SEARCH: search = "" } = process.env;
if (block !== undefined) {
  translateSockets(makeTranslation(Number(block), podIp));
  if (podIp !== undefined) openPodLookup(Number(block), search.split(" "));
}

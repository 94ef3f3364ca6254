import { connect, constants } from "node:http2";

// One unary call of grpc.health.v1.Health/Check over cleartext HTTP/2. Its messages are one field each, so they are written
// and read by hand: HealthCheckRequest { string service = 1 }, HealthCheckResponse { ServingStatus status = 1 }.

const SERVING = 1;
const STATUS_NAMES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const UNIMPLEMENTED = "12";
const BODY_BYTES_MAX = 4_096;

/** Where to ask, and for which service; empty for the whole server. */
export interface GrpcTarget {
  readonly host: string;
  readonly port: number;
  readonly service: string;
}

/** Asks a gRPC server for its health. Undefined when it serves, else why not, in the kubelet's words. Never rejects. */
export function checkGrpcHealth({ host, port, service }: GrpcTarget, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const session = connect(`http://${host}:${port}`);
    const finish = (failure: string | undefined): void => {
      clearTimeout(deadline);
      session.destroy();
      resolve(failure);
    };
    const deadline = setTimeout(() => {
      finish(
        `timeout: failed to connect service "${host}:${port}" within ${timeoutMs / 1000}s: context deadline exceeded`,
      );
    }, timeoutMs);
    const refuse = (error: Error): void => {
      finish(`failed to connect service "${host}:${port}": ${error.message}`);
    };
    session.on("error", refuse);
    const call = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: "/grpc.health.v1.Health/Check",
      [constants.HTTP2_HEADER_CONTENT_TYPE]: "application/grpc",
      [constants.HTTP2_HEADER_TE]: "trailers",
      [constants.HTTP2_HEADER_USER_AGENT]: "kube-probe/1.34",
    });
    let grpcStatus: string | undefined;
    let grpcMessage = "";
    const note = (headers: Record<string, string | string[] | number | undefined>): void => {
      if (headers["grpc-status"] !== undefined) grpcStatus = String(headers["grpc-status"]);
      if (headers["grpc-message"] !== undefined) grpcMessage = decodeURIComponent(String(headers["grpc-message"]));
    };
    const chunks: Buffer[] = [];
    call.on("response", note);
    call.on("trailers", note);
    call.on("error", refuse);
    call.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      if (chunks.reduce((sum, { length }) => sum + length, 0) > BODY_BYTES_MAX)
        finish("health rpc failed: the answer is too long");
    });
    call.on("close", () => {
      finish(failureOf(Buffer.concat(chunks), grpcStatus, grpcMessage));
    });
    call.end(encodeRequest(service));
  });
}

function failureOf(body: Buffer, grpcStatus: string | undefined, grpcMessage: string): string | undefined {
  if (grpcStatus === UNIMPLEMENTED)
    return "this server does not implement the grpc health protocol (grpc.health.v1.Health)";
  if (grpcStatus !== undefined && grpcStatus !== "0")
    return `health rpc failed: rpc error: code = ${grpcStatus} desc = ${grpcMessage}`;
  const status = decodeStatus(body);
  if (status === SERVING) return undefined;
  return `service unhealthy (responded with "${STATUS_NAMES[status] ?? String(status)}")`;
}

/** A message in a gRPC frame: not compressed, and its length. */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), encodeVarint(name.length), name]);
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}

function encodeVarint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}

/** The first field of the message in a gRPC frame; 0, which a message leaves out, is UNKNOWN. */
function decodeStatus(frame: Buffer): number {
  return frame.length >= 7 && frame[5] === 0x08 ? (frame[6] ?? 0) : 0;
}

import { CR, LF, SP, isValueByte } from "./bytes.ts";
import { faulty, incomplete } from "./fault.ts";
import { FieldBlock, KEEP_ALIVE } from "./field-block.ts";
import type { ProxyLimits } from "./limits.ts";

const versionPrefix = "HTTP/1.";
const statusLineBytesMin = "HTTP/1.1 200\r\n".length;

/** A response's head, scanned in place and as strictly as a request's: a container must not desynchronise a client. */
export class ResponseHead {
  readonly fields = new FieldBlock();
  bytes: Buffer = Buffer.alloc(0);
  versionMinor = 1;
  status = 0;
  #isLineDone = false;

  reset(): void {
    this.#isLineDone = false;
    this.fields.begin(0);
  }

  get fault(): { status: number; reason: string } {
    return this.fields.fault ?? { status: 502, reason: "malformed" };
  }

  /** Scans one head from bytes[0] on; returns the offset after it, `incomplete` or `faulty`. */
  scan(bytes: Buffer, limits: ProxyLimits): number {
    this.bytes = bytes;
    let headEnd = incomplete;
    if (this.#isLineDone || this.#scanLine(bytes))
      headEnd = this.fields.scan(bytes, bytes.length, limits.headerCountMax * 2);
    else if (this.fields.fault !== undefined) return faulty;
    if (headEnd === faulty) return faulty;
    if ((headEnd === incomplete ? bytes.length : headEnd) > limits.headBytesMax) {
      return this.fields.refuse(`a head of more than ${limits.headBytesMax} bytes`);
    }
    if (headEnd !== incomplete && this.versionMinor === 0 && this.fields.isChunked) {
      return this.fields.refuse("Transfer-Encoding in HTTP/1.0");
    }
    return headEnd;
  }

  get isInterim(): boolean {
    return this.status < 200;
  }

  get keepsAlive(): boolean {
    return this.versionMinor === 1 ? !this.fields.hasClose : this.fields.hasKeepAlive && !this.fields.hasClose;
  }

  /** Milliseconds of `Keep-Alive: timeout=N`, or -1. */
  get keepAliveMs(): number {
    if (!this.fields.has(KEEP_ALIVE)) return -1;
    const match = /(?:^|[,\s])timeout\s*=\s*(\d{1,6})/i.exec(this.fields.valueOfKind(KEEP_ALIVE) ?? "");
    return match === null ? -1 : Number(match[1]) * 1000;
  }

  #scanLine(bytes: Buffer): boolean {
    const end = bytes.length;
    for (let i = 0; i < versionPrefix.length; i++) {
      if (i >= end) return false;
      if (bytes[i] !== versionPrefix.charCodeAt(i)) return this.#refuse("no HTTP/1.x status line");
    }
    if (end < statusLineBytesMin - 2) return false;
    const minor = (bytes[7] as number) - 48;
    const hundreds = (bytes[9] as number) - 48;
    const tens = (bytes[10] as number) - 48;
    const ones = (bytes[11] as number) - 48;
    if ((minor !== 0 && minor !== 1) || bytes[8] !== SP) return this.#refuse("no HTTP/1.x status line");
    if (hundreds < 1 || hundreds > 5 || tens < 0 || tens > 9 || ones < 0 || ones > 9)
      return this.#refuse("an invalid status");
    let i = 12;
    if (i < end && bytes[i] !== SP && bytes[i] !== CR) return this.#refuse("an invalid status");
    while (i < end && isValueByte[bytes[i] as number] === 1) i++;
    if (i >= end) return false;
    if (bytes[i] !== CR) return this.#refuse("a control byte in the status line");
    if (i + 1 >= end) return false;
    if (bytes[i + 1] !== LF) return this.#refuse("a CR without LF in the status line");
    this.versionMinor = minor;
    this.status = hundreds * 100 + tens * 10 + ones;
    this.#isLineDone = true;
    this.fields.begin(i + 2);
    return true;
  }

  #refuse(reason: string): false {
    this.fields.refuse(reason, 502);
    return false;
  }
}

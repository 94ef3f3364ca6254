import {
  COLON,
  CR,
  LF,
  SLASH,
  SP,
  equalsIgnoreCase,
  isHostByte,
  isTargetByte,
  isTokenByte,
  startsWith,
} from "./bytes.ts";
import { faulty, incomplete } from "./fault.ts";
import { EXPECT, FieldBlock, HOST, HTTP2_SETTINGS, STRIDE, UPGRADE } from "./field-block.ts";
import type { ProxyLimits } from "./limits.ts";

const methodBytesMax = 32;
const versionBytes = "HTTP/1.1".length;
const httpScheme = Buffer.from("http://");
const continueExpectation = Buffer.from("100-continue");
/** Methods that are told without making a string, and whether a request may be sent twice (RFC 9110 §9.2.2). */
const knownMethods = ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE"].map((name) => ({
  name,
  bytes: Buffer.from(name),
  isIdempotent: name !== "POST" && name !== "PATCH",
}));

/** A request's head, scanned in place (RFC 9112, strictly: whatever two parsers could read differently is refused). */
export class RequestHead {
  readonly fields = new FieldBlock();
  bytes: Buffer = Buffer.alloc(0);
  /** Where the request line begins. */
  start = 0;
  methodEnd = 0;
  method = "";
  isIdempotent = false;
  /** The part of the target that is forwarded: in origin form, or `*`. Empty for `http://host` without a path. */
  targetStart = 0;
  targetEnd = 0;
  /** Whether the target is an http:// URL: its authority replaces Host. */
  isAbsolute = false;
  /** Whether the request line can be forwarded as it came. */
  isPlain = true;
  versionMinor = 1;
  authorityStart = 0;
  authorityEnd = 0;
  /** The authority without its port. */
  hostEnd = 0;
  expectsContinue = false;
  isUpgrade = false;
  #isLineDone = false;

  get fault(): { status: number; reason: string } {
    return this.fields.fault ?? { status: 400, reason: "malformed" };
  }

  /** Forgets the last head. The next scan begins with bytes[0]. */
  reset(): void {
    this.#isLineDone = false;
    this.isAbsolute = false;
    this.start = 0;
    this.fields.begin(0);
  }

  /**
   * Scans one head from bytes[0] on; returns the offset after it, `incomplete` or `faulty`. When incomplete, call it
   * again with the same bytes and more behind them.
   */
  scan(bytes: Buffer, limits: ProxyLimits): number {
    this.bytes = bytes;
    let headEnd = incomplete;
    if (this.#isLineDone || this.#scanLine(bytes, limits)) {
      headEnd = this.fields.scan(bytes, bytes.length, limits.headerCountMax);
    } else if (this.fields.fault !== undefined) {
      return faulty;
    }
    if (headEnd === faulty) return faulty;
    if ((headEnd === incomplete ? bytes.length : headEnd) > limits.headBytesMax) {
      return this.fields.refuse(`a head of more than ${limits.headBytesMax} bytes`, 431);
    }
    if (headEnd === incomplete) return incomplete;
    return this.#judge() ? headEnd : faulty;
  }

  /** Path and query. */
  get target(): string {
    const target = this.bytes.toString("latin1", this.targetStart, this.targetEnd);
    return this.isAbsolute && !target.startsWith("/") ? `/${target}` : target;
  }

  get isHeadMethod(): boolean {
    return this.method === "HEAD";
  }

  get keepsAlive(): boolean {
    return this.versionMinor === 1 ? !this.fields.hasClose : this.fields.hasKeepAlive && !this.fields.hasClose;
  }

  /** True when the line is complete; false when it is not, or at fault. */
  #scanLine(bytes: Buffer, limits: ProxyLimits): boolean {
    const end = bytes.length;
    let i = 0;
    // RFC 9112 §2.2: one empty line before the request line is forgiven.
    if (end > 0 && bytes[0] === CR) {
      if (end < 2) return false;
      if (bytes[1] !== LF) return this.#refuseLine("a CR without LF before the request line");
      i = 2;
    }
    this.start = i;

    while (i < end && isTokenByte[bytes[i] as number] === 1) i++;
    if (i - this.start > methodBytesMax) return this.#refuseLine("a method of more than 32 bytes");
    if (i >= end) return false;
    if (bytes[i] !== SP || i === this.start) return this.#refuseLine("no valid method before the first space");
    this.methodEnd = i++;
    this.#takeMethod();

    this.targetStart = i;
    while (i < end && isTargetByte[bytes[i] as number] === 1) i++;
    if (i - this.targetStart > limits.targetBytesMax) {
      return this.#refuseLine(`a target of more than ${limits.targetBytesMax} bytes`, 414);
    }
    if (i >= end) return false;
    if (bytes[i] !== SP || i === this.targetStart) return this.#refuseLine("no valid target after the method");
    this.targetEnd = i++;

    return this.#scanVersion(bytes, i) && this.#judgeTarget();
  }

  #takeMethod(): void {
    const { bytes, start } = this;
    const length = this.methodEnd - start;
    for (const { name, bytes: known, isIdempotent } of knownMethods) {
      if (known.length !== length || !startsWith(bytes, start, known)) continue;
      this.method = name;
      this.isIdempotent = isIdempotent;
      return;
    }
    this.method = bytes.toString("latin1", start, this.methodEnd);
    this.isIdempotent = false;
  }

  #scanVersion(bytes: Buffer, start: number): boolean {
    const lineEnd = start + versionBytes + 2;
    // Judged byte by byte as far as it has come, so that the verdict does not depend on how the input was cut.
    const version = "HTTP/1.";
    for (let k = 0; k < version.length; k++) {
      if (start + k >= bytes.length) return false;
      if (bytes[start + k] === version.charCodeAt(k)) continue;
      const isOtherVersion = k === 5 && (bytes[start + k] as number) >= 48 && (bytes[start + k] as number) <= 57;
      return isOtherVersion
        ? this.#refuseLine("an HTTP version other than 1.0 and 1.1", 505)
        : this.#refuseLine("no valid HTTP version at the end of the request line");
    }
    if (bytes.length < lineEnd - 2) return false;
    const minor = (bytes[lineEnd - 3] as number) - 48;
    if (minor !== 0 && minor !== 1) {
      return minor > 1 && minor <= 9
        ? this.#refuseLine("an HTTP version other than 1.0 and 1.1", 505)
        : this.#refuseLine("no valid HTTP version at the end of the request line");
    }
    if (bytes.length < lineEnd - 1) return false;
    if (bytes[lineEnd - 2] !== CR)
      return this.#refuseLine("a request line that does not end with its version and CRLF");
    if (bytes.length < lineEnd) return false;
    if (bytes[lineEnd - 1] !== LF) return this.#refuseLine("a CR without LF in the request line");
    this.versionMinor = minor;
    this.#isLineDone = true;
    this.fields.begin(lineEnd);
    return true;
  }

  #judgeTarget(): boolean {
    const { bytes } = this;
    this.isPlain = this.versionMinor === 1 && this.start === 0;
    if (bytes[this.targetStart] === SLASH) return true;

    const isOptions = this.method === "OPTIONS";
    if (this.targetEnd - this.targetStart === 1 && bytes[this.targetStart] === 42) {
      return isOptions || this.#refuseLine("the target * with a method other than OPTIONS");
    }
    if (this.method === "CONNECT") return this.#refuseLine("CONNECT, which is for forward proxies", 405);
    const authorityStart = this.targetStart + httpScheme.length;
    if (authorityStart > this.targetEnd || !equalsIgnoreCase(bytes, this.targetStart, httpScheme)) {
      return this.#refuseLine("a target that is neither a path nor an http:// URL");
    }
    this.isAbsolute = true;
    this.isPlain = false;
    let i = authorityStart;
    while (i < this.targetEnd && bytes[i] !== SLASH && bytes[i] !== 63) i++;
    if (!this.#takeAuthority(authorityStart, i)) return false;
    this.targetStart = i;
    return true;
  }

  /** Takes `host[:port]`; false, with a fault, for anything else: what it names decides where the request goes. */
  #takeAuthority(start: number, end: number): boolean {
    const { bytes } = this;
    let i = start;
    if (bytes[i] === 91) {
      while (i < end && isAddressByte(bytes[i] as number)) i++;
      if (i >= end || bytes[i] !== 93 || i < start + 3) return this.#refuseLine("an invalid address in Host");
      i++;
    } else {
      while (i < end && isHostByte[bytes[i] as number] === 1) i++;
    }
    if (i === start) return this.#refuseLine(end === start ? "an empty Host" : "an invalid Host");
    this.authorityStart = start;
    this.hostEnd = i;
    this.authorityEnd = end;
    if (i === end) return true;
    if (bytes[i] !== COLON || end - i > 6) return this.#refuseLine("an invalid Host");
    let port = 0;
    for (i++; i < end; i++) {
      const digit = (bytes[i] as number) - 48;
      if (digit < 0 || digit > 9) return this.#refuseLine("an invalid port in Host");
      port = port * 10 + digit;
    }
    return port <= 65535 || this.#refuseLine("an invalid port in Host");
  }

  /** What can only be judged when the whole head is known. */
  #judge(): boolean {
    const { fields } = this;
    const hostIndex = fields.indexOfKind(HOST);
    if (hostIndex < 0) return this.#refuseLine("no Host");
    const at = hostIndex * STRIDE;
    const { authorityStart, hostEnd, authorityEnd } = this;
    if (!this.#takeAuthority(fields.offsets[at + 2] as number, fields.offsets[at + 3] as number)) return false;
    if (this.isAbsolute) {
      // RFC 9112 §3.2.2: the target's authority counts. Host is judged all the same: one that is no host smells of smuggling.
      this.authorityStart = authorityStart;
      this.hostEnd = hostEnd;
      this.authorityEnd = authorityEnd;
    }
    if (this.versionMinor === 0 && fields.isChunked) return this.#refuseLine("Transfer-Encoding in HTTP/1.0");
    return this.#takeExpectation() && this.#takeUpgrade();
  }

  #takeExpectation(): boolean {
    this.expectsContinue = false;
    if (!this.fields.has(EXPECT)) return true;
    const at = this.fields.indexOfKind(EXPECT) * STRIDE;
    const start = this.fields.offsets[at + 2] as number;
    const length = (this.fields.offsets[at + 3] as number) - start;
    if (length !== continueExpectation.length || !equalsIgnoreCase(this.bytes, start, continueExpectation)) {
      return this.#refuseLine("an Expect other than 100-continue", 417);
    }
    // HTTP/1.0 knows no interim responses; without a body there is nothing to wait for.
    this.expectsContinue = this.versionMinor === 1 && this.hasBody;
    return true;
  }

  get hasBody(): boolean {
    return this.fields.isChunked || this.fields.contentLength > 0;
  }

  /**
   * An upgrade is only passed on where nothing is ambiguous: HTTP/1.1, no body, one Upgrade field that Connection
   * lists. h2c is not: it would tunnel further requests past routing and limits. The rest is forwarded without Upgrade.
   */
  #takeUpgrade(): boolean {
    const { fields } = this;
    this.isUpgrade = false;
    if (
      !fields.hasUpgrade ||
      !fields.has(UPGRADE) ||
      this.versionMinor === 0 ||
      this.hasBody ||
      fields.has(HTTP2_SETTINGS)
    )
      return true;
    const at = fields.indexOfKind(UPGRADE) * STRIDE;
    const start = fields.offsets[at + 2] as number;
    const end = fields.offsets[at + 3] as number;
    const value = this.bytes.toString("latin1", start, end).toLowerCase();
    this.isUpgrade = end > start && !value.includes("h2c");
    return true;
  }

  #refuseLine(reason: string, status = 400): false {
    this.fields.refuse(reason, status);
    return false;
  }
}

function isAddressByte(byte: number): boolean {
  return (
    byte === 91 ||
    byte === COLON ||
    byte === 46 ||
    (byte >= 48 && byte <= 57) ||
    ((byte | 32) >= 97 && (byte | 32) <= 102)
  );
}

import { crc32, deflateRawSync } from "node:zlib";

/** One entry of an archive that a test makes, as bad as it likes. */
export interface ArchiveEntry {
  readonly name: string;
  readonly content?: string | Buffer;
  /** What a link leads to. */
  readonly link?: string;
  readonly type?: "file" | "directory" | "symlink" | "hardlink" | "device";
  readonly mode?: number;
}

const tarTypes = { file: "0", hardlink: "1", symlink: "2", device: "3", directory: "5" } as const;

/** A ustar archive. Nothing is checked: names may climb and links may lie. */
export function makeTar(entries: readonly ArchiveEntry[]): Buffer {
  const blocks = entries.map(({ name, content = "", link = "", type = "file", mode = 0o644 }) => {
    const body = Buffer.from(content);
    const header = Buffer.alloc(512);
    const put = (text: string, at: number): void => void header.write(text, at, "latin1");
    put(name, 0);
    put(mode.toString(8).padStart(7, "0"), 100);
    put("0000000\0" + "0000000", 108);
    put(body.length.toString(8).padStart(11, "0"), 124);
    put("00000000000", 136);
    put(tarTypes[type], 156);
    put(link, 157);
    put("ustar\0" + "00", 257);
    header.fill(" ", 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    put(`${sum.toString(8).padStart(6, "0")}\0`, 148);
    return Buffer.concat([header, body, Buffer.alloc((512 - (body.length % 512)) % 512)]);
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const zipModes = {
  file: 0o100644,
  hardlink: 0o100644,
  symlink: 0o120777,
  device: 0o020644,
  directory: 0o040755,
} as const;

/** A zip archive, deflated. Nothing is checked. */
export function makeZip(entries: readonly ArchiveEntry[]): Buffer {
  const [locals, centrals]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const { name, content, link, type = "file", mode } of entries) {
    const body = Buffer.from(content ?? link ?? "");
    const data = deflateRawSync(body, { level: 9 });
    const nameBytes = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(8, 4);
    common.writeUInt32LE(crc32(body), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(body.length, 18);
    common.writeUInt16LE(nameBytes.length, 22);
    const local = Buffer.concat([Buffer.from("PK\u0003\u0004"), common, nameBytes, data]);
    const central = Buffer.alloc(46);
    central.write("PK\u0001\u0002", 0, "latin1");
    central.writeUInt16LE((3 << 8) | 20, 4);
    common.copy(central, 6, 0, 26);
    central.writeUInt32LE((((type === "file" ? 0o100000 | (mode ?? 0o644) : zipModes[type]) << 16) >>> 0) >>> 0, 38);
    central.writeUInt32LE(offset, 42);
    locals.push(local);
    centrals.push(Buffer.concat([central, nameBytes]));
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write("PK\u0005\u0006", 0, "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

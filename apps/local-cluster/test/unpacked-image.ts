import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Makes an image out of programs of this machine: `<directory>/rootfs` with their libraries, and `config.json`. */
export function makeUnpackedImage(directory: string, programs: readonly string[], config: object): void {
  const rootfs = join(directory, "rootfs");
  const files = new Set(programs.flatMap((program) => [program, ...librariesOf(program)]));
  for (const file of files) {
    mkdirSync(dirname(join(rootfs, file)), { recursive: true });
    cpSync(realpathSync(file), join(rootfs, file));
  }
  for (const name of ["etc", "tmp", "srv", "run"]) mkdirSync(join(rootfs, name), { recursive: true });
  chmodSync(join(rootfs, "tmp"), 0o1777);
  mkdirSync(join(rootfs, "var"), { recursive: true });
  // As most images have it: a mount below /var/run belongs below /run, and never leads out of the image.
  symlinkSync("/run", join(rootfs, "var/run"));
  writeFileSync(join(rootfs, "etc/passwd"), "root:x:0:0::/root:/bin/sh\nweb:x:1234:1235::/srv:/bin/sh\n");
  writeFileSync(join(rootfs, "etc/group"), "root:x:0:\nweb:x:1235:\nlog:x:77:web\n");
  writeFileSync(join(directory, "config.json"), JSON.stringify({ config }));
}

function librariesOf(program: string): string[] {
  const listed = execFileSync("ldd", [program], { encoding: "utf8" });
  return [...listed.matchAll(/(?:=> )?(\/\S+) \(/g)].map(([, file = ""]) => file);
}

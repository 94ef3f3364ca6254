// The rules of the house that no linter knows, each with a message that says how to mend it. Run by `npm run check`.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";

const problems: string[] = [];
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
  .split("\n")
  .filter((file) => file !== "" && existsSync(file));

checkNames();
checkStrings();
checkArrows();
checkReadmes();
checkApps();
checkDocstrings();
checkMarkdown();

for (const problem of problems) console.error(problem);
console.log(
  problems.length === 0 ? `tidy: ${files.length} files, no complaint` : `tidy: ${problems.length} complaints`,
);
process.exit(problems.length === 0 ? 0 : 1);

function checkNames(): void {
  const bannedFolders = new Set(["utils", "util", "common", "shared", "core", "lib", "helpers", "misc"]);
  for (const file of files) {
    const folder = dirname(file)
      .split("/")
      .find((part) => bannedFolders.has(part));
    if (folder !== undefined)
      problems.push(`${file}: folder "${folder}" names nothing; put the file where its noun lives`);
    if (/^(utils?|helpers?|common|misc)\./.test(basename(file))) problems.push(`${file}: name the file by its noun`);
  }
}

function checkStrings(): void {
  const banned: { pattern: RegExp; instead: string; except?: RegExp }[] = [
    {
      pattern: /\bDate\.now\(/,
      instead: "take a Clock (packages/kube/src/clock.ts) or a `nowMs` parameter",
      except: /clock\.ts$|^(bench|e2e|tools|scripts|samples)\//,
    },
    {
      pattern: /\bsetInterval\(/,
      instead: "loop with `clock.sleep(ms, signal)`: intervals overlap and lose failures",
      except: /^(samples|e2e)\//,
    },
    { pattern: / as unknown as /, instead: "parse at the edge" },
    { pattern: /\b(FIXME|TODO|XXX)\b/, instead: "do it, or write down why not", except: /^tools\/tidy\.ts$/ },
    {
      pattern: /\bjest\.mock\(/,
      instead: "a fake behind a port: jest.mock does nothing in ES modules",
      except: /^tools\/tidy\.ts$/,
    },
  ];
  for (const file of files.filter((name) => /\.(ts|mjs|cjs)$/.test(name) && name !== "tools/tidy.ts")) {
    const isTest =
      /\.(test|contract)\.ts$/.test(file) || file.includes("/test/") || file.startsWith("packages/testkit/");
    const lines = readFileSync(file, "utf8").split("\n");
    for (const { pattern, instead, except } of banned) {
      if (except?.test(file) === true || (isTest && pattern.source !== "\\b(FIXME|TODO|XXX)\\b")) continue;
      const line = lines.findIndex((text) => pattern.test(text));
      if (line >= 0) problems.push(`${file}:${line + 1}: ${lines[line]?.trim()} -> ${instead}`);
    }
  }
}

function checkArrows(): void {
  for (const file of files.filter((name) => /^(packages|apps)\/[^/]+\/(src|test)\/.*\.ts$/.test(name))) {
    for (const [, target = ""] of readFileSync(file, "utf8").matchAll(/from "@kelvin\/([a-z-]+)/g)) {
      const complaint = complainOfImport(file, target);
      if (complaint !== undefined) problems.push(`${file}: ${complaint}`);
    }
  }
}

function complainOfImport(file: string, target: string): string | undefined {
  const allowed: Record<string, readonly string[]> = {
    api: [],
    kube: ["api"],
    controller: ["kube", "api", "x509"],
    "http-proxy": [],
    "http-service": [],
    oci: [],
    x509: [],
    cloudevents: [],
    bus: ["cloudevents"],
    "bus-nats": ["bus", "cloudevents"],
    "bus-kafka": ["bus", "cloudevents"],
    "bus-pubsub": ["bus", "cloudevents"],
    testkit: ["api", "kube", "controller", "http-proxy", "http-service", "oci", "cloudevents", "bus"],
  };
  const parts = file.split("/");
  const [group, owner] = [String(parts[0]), String(parts[1])];
  const isTest = file.endsWith(".test.ts") || file.includes("/test/");
  if (target === owner) return undefined;
  if (existsSync(`apps/${target}`)) return "nothing imports an app; move what both need into a package";
  if (owner === "local-cluster" && target === "api") {
    return "local-cluster is a Kubernetes and knows no Knative kind; import from @kelvin/kube";
  }
  if (isTest) return undefined;
  if (target === "testkit") return "only tests import @kelvin/testkit";
  if (group !== "packages" || allowed[owner]?.includes(target) === true) return undefined;
  return `packages/${owner} must not import @kelvin/${target} (see the arrows in ARCHITECTURE.md)`;
}

function checkReadmes(): void {
  const owners = new Set(files.flatMap((file) => /^((?:packages|apps)\/[^/]+)\//.exec(file)?.[1] ?? []));
  for (const owner of owners) {
    if (!existsSync(`${owner}/README.md`))
      problems.push(`${owner}: needs a README.md (what it is, what it is not, one example)`);
    else if (readFileSync(`${owner}/README.md`, "utf8").split("\n").length > 90)
      problems.push(`${owner}/README.md: over 90 lines; keep it to a page`);
  }
}

function checkApps(): void {
  const apps = new Set(files.flatMap((file) => /^apps\/([^/]+)\//.exec(file)?.[1] ?? []));
  for (const app of apps) {
    const main = `apps/${app}/src/main.ts`;
    if (!existsSync(main)) problems.push(`apps/${app}: needs src/main.ts`);
    else if (app !== "cli" && readFileSync(main, "utf8").split("\n").length > 60)
      problems.push(`${main}: parse, start, stop; composition belongs in app.ts`);
    for (const file of app === "cli" ? [] : ["config.ts", "app.ts"]) {
      if (!existsSync(`apps/${app}/src/${file}`)) problems.push(`apps/${app}: needs src/${file}`);
    }
    if (!["cli", "local-cluster"].includes(app) && !existsSync(`apps/${app}/Dockerfile`))
      problems.push(`apps/${app}: needs a Dockerfile`);
  }
}

function checkDocstrings(): void {
  const sources = files.filter(
    (name) => /^packages\/[^/]+\/src\/.*\.ts$/.test(name) && !/\.(test|contract)\.ts$/.test(name),
  );
  for (const file of sources) {
    const lines = readFileSync(file, "utf8").split("\n");
    // A kind is a value and a type of one name: the first of the two carries the docstring of both.
    const documented = new Set<string>();
    lines.forEach((line, index) => {
      const name = /^export (?:async )?(?:abstract )?(?:function\*?|class|interface|const|type) (\w+)/.exec(line)?.[1];
      if (name === undefined) return;
      const above = lines[index - 1]?.trim() ?? "";
      // Constants in one block share what stands above the block.
      const isInBlock = line.startsWith("export const") && (above.startsWith("export const") || above.startsWith("//"));
      if (above.endsWith("*/") || isInBlock) documented.add(name);
      else if (!documented.has(name)) {
        problems.push(`${file}:${index + 1}: ${name} needs a docstring that says what it promises`);
      }
    });
  }
}

function checkMarkdown(): void {
  for (const file of files.filter((name) => name.endsWith(".md"))) {
    const titles =
      readFileSync(file, "utf8")
        .replaceAll(/```[\s\S]*?```/g, "")
        .match(/^# /gm)?.length ?? 0;
    if (titles !== 1) problems.push(`${file}: has ${titles} titles (# ...); one is right`);
  }
}

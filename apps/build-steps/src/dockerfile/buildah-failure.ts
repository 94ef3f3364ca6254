import { StepFailure } from "../step-failure.ts";
import type { ToolAnswer } from "../tool-process.ts";

interface Symptom {
  readonly pattern: RegExp;
  readonly reason: string;
  readonly advice: string;
}

const symptoms: readonly Symptom[] = [
  {
    pattern: /unauthorized|authentication required|denied: requested access|no basic auth credentials|403 Forbidden/i,
    reason: "CredentialsRefused",
    advice:
      "give the ServiceAccount a Secret with credentials for this registry, and mount credentials-docker in the step",
  },
  {
    pattern: /manifest unknown|name unknown|repository .* not found/i,
    reason: "ImageNotFound",
    advice: "correct the image that FROM names",
  },
  {
    pattern: /connection refused|no such host|i\/o timeout|dial tcp|EOF while|server gave HTTP response to HTTPS/i,
    reason: "RegistryUnreachable",
    advice: "check the registry's name and that it is up",
  },
  {
    pattern: /no space left on device/i,
    reason: "DiskFull",
    advice: "give the Pod more ephemeral storage, or build less",
  },
  {
    pattern: /operation not permitted|permission denied.*(mount|unshare|newuidmap)|newuidmap/i,
    reason: "RightsMissing",
    advice:
      "building a Dockerfile needs root with CHOWN, SETUID, SETGID, SYS_CHROOT and a seccomp profile that allows mount and unshare; use a template that packs a directory where that is not allowed",
  },
  {
    pattern: /parsing|unknown instruction|no FROM statement|checking on sources/i,
    reason: "DockerfileInvalid",
    advice: "correct the Dockerfile, or bring the files that it names",
  },
];

/** What buildah says, in the build's words. */
export function explainBuildahFailure({ stdout, stderr }: Pick<ToolAnswer, "stdout" | "stderr">): StepFailure {
  const words = stderr
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-3)
    .join(" | ")
    .slice(-800);
  const step = /^STEP [^\n]*/gm;
  const lastStep = [...`${stdout}\n${stderr}`.matchAll(step)].at(-1)?.[0];
  if (/(exit status|exited with code|while running runtime)/i.test(stderr) && lastStep?.includes(" RUN ") === true) {
    return new StepFailure(
      "DockerfileFailed",
      `${lastStep} failed; see the lines above it in the log (buildah: ${words})`,
    );
  }
  const symptom = symptoms.find(({ pattern }) => pattern.test(stderr));
  if (symptom === undefined) return new StepFailure("DockerfileFailed", `buildah failed: ${words}`);
  return new StepFailure(symptom.reason, `${symptom.advice} (buildah: ${words})`);
}

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { openRegistryClient, OciError, parseDockerConfig } from "@kelvin/oci";
import type { RegistryClient, RegistryCredential } from "@kelvin/oci";
import type { CommandContext } from "../command.ts";
import { errorCode } from "../error-code.ts";
import { StepFailure } from "../step-failure.ts";

/** A registry that does not answer must not hold a build for long. */
const idleMsMax = 30_000;

/** Runs `use` with a client that knows the credentials of DOCKER_CONFIG, and tells its failures in the build's words. */
export async function withRegistry<T>(
  context: CommandContext,
  use: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  const credentials = await readCredentials(context);
  const { ca, plainHttp } = context.config.registry;
  const client = openRegistryClient({
    credentials,
    idleMsMax,
    plainHttp,
    ...(ca === undefined ? {} : { ca: await readFile(ca, "utf8") }),
  });
  try {
    return await use(client);
  } catch (error) {
    throw explainRegistryError(error);
  } finally {
    client.close();
  }
}

/** The credentials of DOCKER_CONFIG, announced so that no line shows them. None when there are none. */
export async function readCredentials({ config, hide }: CommandContext): Promise<readonly RegistryCredential[]> {
  if (config.dockerConfigDir === undefined) return [];
  const file = join(config.dockerConfigDir, "config.json");
  try {
    const credentials = parseDockerConfig(await readFile(file, "utf8"));
    for (const { password, identityToken = "" } of credentials) {
      hide(password);
      hide(identityToken);
    }
    return credentials;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

const reasons: Partial<Record<OciError["code"], { reason: string; advice: string }>> = {
  InvalidReference: { reason: "ImageNameInvalid", advice: "" },
  NotFound: { reason: "ImageNotFound", advice: "correct the image's name" },
  Unauthorized: {
    reason: "CredentialsRefused",
    advice:
      "give the ServiceAccount a Secret with credentials for this registry, and mount credentials-docker in the step",
  },
  Denied: { reason: "CredentialsRefused", advice: "use credentials that may do this, or another repository" },
  Unavailable: { reason: "RegistryUnreachable", advice: "check the registry's name and that it is up" },
  Refused: { reason: "RegistryRefused", advice: "look at the registry's log" },
};

/** What the registry client says, in the build's words. Other errors stay what they are. */
export function explainRegistryError(error: unknown): unknown {
  if (!(error instanceof OciError)) return error;
  const known = reasons[error.code] ?? { reason: "ImageInvalid", advice: "push the image anew" };
  const advice = known.advice === "" ? "" : `; ${known.advice}`;
  return new StepFailure(known.reason, `${error.message}${advice}`, { cause: error });
}

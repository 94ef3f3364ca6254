import type { Kind, KubeObject } from "@kelvin/api";
import { ConflictError } from "@kelvin/kube";
import type { KubeClient } from "@kelvin/kube";

/** What both kinds of webhook configuration share. */
export interface WebhookConfiguration extends KubeObject {
  webhooks?: { clientConfig: { caBundle?: string; service?: { namespace: string; name: string } } }[];
}

/** The Service that the webhooks must point to for their caBundle to be ours. */
export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
}

/** What to write where. */
export interface CaBundle {
  /** Base64 of one or several PEM certificates. */
  readonly caBundle: string;
  readonly service: ServiceReference;
}

/**
 * Makes every webhook of the configuration that points to our Service trust our certificates. A configuration that does
 * not exist is left for later: its creation wakes the caller.
 */
export async function ensureCaBundle<T extends WebhookConfiguration>(
  kube: Pick<KubeClient, "find" | "update">,
  target: { kind: Kind<T>; name: string },
  wanted: CaBundle,
): Promise<void> {
  for (let attempts = 1; ; attempts += 1) {
    const configuration = await kube.find(target.kind, { name: target.name });
    if (configuration === undefined || isUpToDate(configuration, wanted)) return;
    try {
      await kube.update(target.kind, withCaBundle(configuration, wanted));
      return;
    } catch (error) {
      if (!(error instanceof ConflictError) || attempts >= 5) throw error;
    }
  }
}

/** Whether nothing needs to be written. */
export function isUpToDate({ webhooks = [] }: WebhookConfiguration, wanted: CaBundle): boolean {
  return webhooks.every(
    ({ clientConfig }) => !isOurs(clientConfig, wanted) || clientConfig.caBundle === wanted.caBundle,
  );
}

type ClientConfig = NonNullable<WebhookConfiguration["webhooks"]>[number]["clientConfig"];

function isOurs({ service }: ClientConfig, { service: { namespace, name } }: CaBundle): boolean {
  return service?.namespace === namespace && service.name === name;
}

function withCaBundle<T extends WebhookConfiguration>(configuration: T, wanted: CaBundle): T {
  const webhooks = (configuration.webhooks ?? []).map((webhook) =>
    isOurs(webhook.clientConfig, wanted)
      ? { ...webhook, clientConfig: { ...webhook.clientConfig, caBundle: wanted.caBundle } }
      : webhook,
  );
  return { ...configuration, webhooks };
}

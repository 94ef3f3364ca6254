import {
  linkSignals,
  makeBackoff,
  MutatingWebhookConfiguration,
  openInformer,
  Secret,
  toError,
  ValidatingWebhookConfiguration,
} from "@kelvin/kube";
import type { Clock, KubeClient } from "@kelvin/kube";
import type { Kind } from "@kelvin/api";
import type { Log } from "../log.ts";
import { ensureCaBundle } from "./ca-bundle.ts";
import type { ServiceReference, WebhookConfiguration } from "./ca-bundle.ts";
import { certificateEnd, RENEW_BEFORE_MS } from "./certificate.ts";
import type { ServingCertificate } from "./certificate.ts";
import { ensureCertificate } from "./certificate-secret.ts";

/** What to keep right: one Secret, the webhook configurations that must trust it, and the server that uses it. */
export interface CertificateKeeperOptions {
  kube: KubeClient;
  service: ServiceReference;
  secretName: string;
  /** Names of MutatingWebhookConfigurations and ValidatingWebhookConfigurations. */
  mutatingConfigurations: readonly string[];
  validatingConfigurations: readonly string[];
  /** Makes the server use this certificate from now on. */
  serve: (certificate: ServingCertificate) => void;
  clock: Clock;
  log: Log;
}

/** Keeps the certificate right until closed. */
export interface CertificateKeeper {
  /** Whether a certificate is served that the configurations trust. */
  readonly isReady: boolean;
  close(): Promise<void>;
}

/** API servers read webhook configurations by watch: this is what they get to learn of a new authority before it is used. */
const PROPAGATION_MS = 5000;
/** However the certificate's dates look, they are looked at again after this. */
const CHECK_MS_MAX = 12 * 3600 * 1000;

interface Keeper extends CertificateKeeperOptions {
  signal: AbortSignal;
  served: ServingCertificate | undefined;
}

/** Starts to keep the certificate. Failures are logged and retried. */
export function openCertificateKeeper(options: CertificateKeeperOptions): CertificateKeeper {
  const abort = new AbortController();
  const keeper: Keeper = { ...options, signal: abort.signal, served: undefined };
  let wakeUp = Promise.withResolvers<void>();
  const wake = (): void => wakeUp.resolve();
  const watches = openWatches(keeper, wake);

  const loop = async (): Promise<void> => {
    const backoff = makeBackoff(500, 30_000);
    while (!abort.signal.aborted) {
      wakeUp = Promise.withResolvers();
      const nextMs = await tend(keeper, backoff);
      const pause = linkSignals(abort.signal);
      await Promise.race([keeper.clock.sleep(nextMs, pause.signal), wakeUp.promise]);
      pause.abort();
      pause.unlink();
    }
  };
  const running = loop();
  return {
    get isReady() {
      return keeper.served !== undefined;
    },
    async close() {
      abort.abort();
      await Promise.all([running, ...watches.map((watch) => watch.close())]);
    },
  };
}

interface Target {
  kind: Kind<WebhookConfiguration>;
  name: string;
}

function targetsOf(options: CertificateKeeperOptions): Target[] {
  return [
    ...options.mutatingConfigurations.map((name) => ({
      kind: asConfigurationKind(MutatingWebhookConfiguration),
      name,
    })),
    ...options.validatingConfigurations.map((name) => ({
      kind: asConfigurationKind(ValidatingWebhookConfiguration),
      name,
    })),
  ];
}

/** Both kinds have what is read and written here. */
function asConfigurationKind({ group, version, kind, plural, namespaced }: Kind): Kind<WebhookConfiguration> {
  return { group, version, kind, plural, namespaced };
}

function openWatches(keeper: Keeper, wake: () => void): { close(): Promise<void> }[] {
  const { kube, clock, log, service, secretName } = keeper;
  const onError = (err: Error): void => log.warn({ err }, "Watching for the admission certificate failed");
  const options = (name: string): { fieldSelector: string; clock: Clock; onError: (error: Error) => void } => ({
    fieldSelector: `metadata.name=${name}`,
    clock,
    onError,
  });
  const secrets = openInformer(kube, Secret, { ...options(secretName), namespace: service.namespace });
  secrets.onChange(wake);
  const configurations = targetsOf(keeper).map(({ kind, name }) => {
    const informer = openInformer(kube, kind, options(name));
    informer.onChange(wake);
    return informer;
  });
  return [secrets, ...configurations];
}

/** Does one round, and gives how long nothing needs to be done if nothing changes. */
async function tend(keeper: Keeper, backoff: { nextMs(): number; reset(): void }): Promise<number> {
  try {
    const nextMs = await ensureAll(keeper);
    backoff.reset();
    return nextMs;
  } catch (thrown) {
    if (keeper.signal.aborted) return 0;
    keeper.log.warn({ err: toError(thrown) }, "Keeping the admission certificate failed");
    return backoff.nextMs();
  }
}

async function ensureAll(keeper: Keeper): Promise<number> {
  const { kube, clock, service, secretName, served } = keeper;
  const dnsNames = dnsNamesOf(service);
  const wanted = { namespace: service.namespace, name: secretName, dnsNames };
  const certificate = await ensureCertificate(kube, wanted, clock.now());
  const caBundle = Buffer.from(certificate.caPems.join("\n")).toString("base64");
  for (const target of targetsOf(keeper)) await ensureCaBundle(kube, target, { caBundle, service });

  if (certificate.certPem !== served?.certPem) {
    if (served !== undefined) await clock.sleep(PROPAGATION_MS, keeper.signal);
    if (keeper.signal.aborted) return 0;
    keeper.serve(certificate);
    keeper.served = certificate;
    keeper.log.info({ secret: secretName, namespace: service.namespace }, "Serving the admission certificate");
  }
  const dueMs = certificateEnd(certificate, dnsNames[0] ?? "") - RENEW_BEFORE_MS - clock.now().getTime();
  return Math.min(CHECK_MS_MAX, Math.max(1000, dueMs + 1000));
}

/** The first is the name under which the API server calls. */
function dnsNamesOf({ namespace, name }: ServiceReference): string[] {
  return [`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`, `${name}.${namespace}`, name];
}

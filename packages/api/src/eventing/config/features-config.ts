import { readConfig, type ConfigData, type ConfigReader } from "../../serving/config/parse-config.ts";

/** Enabled does it for everybody, Allowed for whoever asks, Disabled for nobody. */
export type EventingFeature = "Enabled" | "Allowed" | "Disabled";

/** config-features of Eventing: what the cluster's owner lets users do. */
export interface EventingFeatures {
  /** References may give an API group instead of a version. */
  readonly kreferenceGroup: EventingFeature;
  /** References are mapped to URLs by config-kreference-mapping. */
  readonly kreferenceMapping: EventingFeature;
  /** Deliveries may say how far Retry-After is obeyed. */
  readonly deliveryRetryAfter: EventingFeature;
  /** Deliveries may say how long an attempt may take. */
  readonly deliveryTimeout: EventingFeature;
  readonly newApiServerSourceFilters: EventingFeature;
  /** EventTypes are made for the events that come by. */
  readonly eventTypeAutoCreate: EventingFeature;
  /** Triggers and Subscriptions may name a Broker or channel of another namespace. */
  readonly crossNamespaceEventLinks: EventingFeature;
  /** Only ever Disabled: see `parseEventingFeatures`. */
  readonly transportEncryption: "Disabled";
  readonly authenticationOIDC: "Disabled";
  /** Who may send while no EventPolicy applies; counts only with authentication. */
  readonly defaultAuthorizationMode: "Allow-All" | "Deny-All" | "Allow-Same-Namespace";
  readonly requestReplyDefaultTimeoutMs: number;
}

/** Key of authentication in config-features, which messages name. */
export const authenticationFeatureKey = "authentication-oidc";

/**
 * Parses Eventing's config-features. Settings that would protect and that Kelvin does not serve are errors: whoever asks for
 * authentication or encryption must not be left to believe that it is there.
 * @throws ConfigError naming the key.
 */
export function parseEventingFeatures(content: ConfigData = {}): EventingFeatures {
  const read = readConfig("config-features", content);
  const flag = (key: string, fallback: EventingFeature): EventingFeature =>
    read.oneOf<EventingFeature>(key, ["Enabled", "Allowed", "Disabled"], fallback);
  const modes = ["Allow-All", "Deny-All", "Allow-Same-Namespace"] as const;
  return {
    kreferenceGroup: flag("kreference-group", "Disabled"),
    kreferenceMapping: flag("kreference-mapping", "Disabled"),
    deliveryRetryAfter: flag("delivery-retryafter", "Disabled"),
    deliveryTimeout: flag("delivery-timeout", "Enabled"),
    newApiServerSourceFilters: flag("new-apiserversource-filters", "Disabled"),
    eventTypeAutoCreate: flag("eventtype-auto-create", "Disabled"),
    crossNamespaceEventLinks: flag("cross-namespace-event-links", "Disabled"),
    transportEncryption: readOnlyDisabled(read, "transport-encryption"),
    authenticationOIDC: readOnlyDisabled(read, authenticationFeatureKey),
    defaultAuthorizationMode: read.oneOf("default-authorization-mode", modes, "Allow-Same-Namespace"),
    requestReplyDefaultTimeoutMs: read.durationMs("requestreply-default-timeout", 30_000),
  };
}

function readOnlyDisabled(read: ConfigReader, key: string): "Disabled" {
  const word = read.oneOf(key, ["Disabled", "Enabled", "Allowed", "Permissive", "Strict"], "Disabled");
  return word === "Disabled" ? word : read.fail(key, `is not served by Kelvin and must be disabled, was "${word}"`);
}

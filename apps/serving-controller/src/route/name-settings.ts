import { dns1123SubdomainProblems } from "@kelvin/api";
import { clusterLocalDomain, domainFor, type ServingConfig } from "@kelvin/api/serving/config";
import type { NameSettings } from "./hosts.ts";

const labelLengthMax = 63;

/** How the cluster's settings make names. */
export function makeNameSettings({ domain, network }: Pick<ServingConfig, "domain" | "network">): NameSettings {
  return {
    domainFor: (labels) => domainFor(domain, labels),
    hostFor({ name, namespace, domain: base, labels, annotations }) {
      const values = { Name: name, Namespace: namespace, Domain: base, Labels: labels, Annotations: annotations };
      return checkHost(network.domainTemplate(values));
    },
    tagNameFor: ({ name, tag }) => network.tagTemplate({ Name: name, Tag: tag }),
    clusterDomain: clusterLocalDomain.replace(/^svc\./, ""),
    scheme: network.defaultExternalScheme,
    ...(network.externalPort === undefined ? {} : { externalPort: network.externalPort }),
  };
}

function checkHost(host: string): string {
  const problems = dns1123SubdomainProblems(host);
  const isTooLong = host.split(".").some((label) => label.length > labelLengthMax);
  if (isTooLong) problems.push(`must be no more than ${labelLengthMax} characters between dots`);
  if (problems.length > 0) throw new RangeError(`invalid domain name "${host}": ${problems.join(", ")}`);
  return host;
}

import { PodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1";
import { Ingress } from "@kelvin/api/networking/v1alpha1";
import { Configuration, Revision, Route, Service } from "@kelvin/api/serving/v1";
import { baseOf, changed } from "./change.ts";
import type { Change } from "./change.ts";

const template = { spec: { containers: [{ image: "dev.local/hello" }] } };

/** A Service of one container. */
export function service(name: string, ...changes: Change<Service>[]): Service {
  return changed({ ...baseOf(Service, name), spec: { template: structuredClone(template) } }, changes);
}

/** A Configuration of one container. */
export function configuration(name: string, ...changes: Change<Configuration>[]): Configuration {
  return changed({ ...baseOf(Configuration, name), spec: { template: structuredClone(template) } }, changes);
}

/** A Revision of one container. */
export function revision(name: string, ...changes: Change<Revision>[]): Revision {
  return changed({ ...baseOf(Revision, name), spec: structuredClone(template.spec) }, changes);
}

/** A Route that sends everything to the latest Revision of the Configuration of its own name. */
export function route(name: string, ...changes: Change<Route>[]): Route {
  const spec = { traffic: [{ configurationName: name, latestRevision: true, percent: 100 }] };
  return changed({ ...baseOf(Route, name), spec }, changes);
}

/** A PodAutoscaler of the Deployment of its own name. */
export function podAutoscaler(name: string, ...changes: Change<PodAutoscaler>[]): PodAutoscaler {
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: `${name}-deployment` };
  const spec = { containerConcurrency: 0, scaleTargetRef, reachability: "Reachable", protocolType: "http1" } as const;
  return changed({ ...baseOf(PodAutoscaler, name), spec }, changes);
}

/** An Ingress that sends the host to one Revision. */
export function ingress(name: string, host: string, ...changes: Change<Ingress>[]): Ingress {
  const appendHeaders = { "Knative-Serving-Revision": `${name}-00001`, "Knative-Serving-Namespace": "default" };
  const split = {
    serviceName: `${name}-00001`,
    serviceNamespace: "default",
    servicePort: 80,
    percent: 100,
    appendHeaders,
  };
  const rules = [{ hosts: [host], visibility: "ExternalIP", http: { paths: [{ splits: [split] }] } }] as const;
  const spec = { rules: structuredClone(rules) as never, httpOption: "Enabled" } as const;
  return changed({ ...baseOf(Ingress, name), spec }, changes);
}

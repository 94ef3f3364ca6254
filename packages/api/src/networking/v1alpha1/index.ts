export {
  Ingress,
  ingressConditions,
  IngressPath,
  IngressRule,
  IngressSpec,
  IngressSplit,
  IngressStatus,
  IngressTLS,
  LoadBalancerIngress,
  LoadBalancerStatus,
} from "./ingress.types.ts";
export { defaultIngress } from "./ingress.defaults.ts";
export { validateIngress } from "./ingress.validation.ts";
export {
  ingressReasons,
  initializeIngress,
  markIngressNotReady,
  markIngressResourceNotOwned,
  markLoadBalancerFailed,
  markLoadBalancerNotReady,
  markLoadBalancerReady,
  markNetworkConfigured,
} from "./ingress.lifecycle.ts";

export { describeKubeClient } from "./kube-client.contract.ts";
export type { KubeClientContractOptions, OpenedKubeClient } from "./kube-client.contract.ts";

export {
  ActivatorReport,
  CordonRequest,
  HoldRequest,
  RevisionReport,
  activatorInternalPortName,
  activatorServiceName,
  autoscalerLeaseName,
} from "./protocol.ts";
export type { CordonReply, HoldReply, RoutingTableReport } from "./protocol.ts";

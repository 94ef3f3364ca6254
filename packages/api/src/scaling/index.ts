export {
  ActivatorReport,
  CordonReply,
  CordonRequest,
  HoldReply,
  HoldRequest,
  RevisionReport,
  RoutingTableReport,
  activatorInternalPortName,
  activatorServiceName,
  autoscalerLeaseName,
} from "./protocol.ts";

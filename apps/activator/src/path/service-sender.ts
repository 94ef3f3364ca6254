import type { Exchange, HeaderEdits } from "@kelvin/http-proxy";
import { chooseEndpoint, findServicePort, type PlainService } from "../routing/plain-services.ts";
import { answer } from "./sender.ts";

const attemptsMax = 3;

export interface ServiceRequest {
  readonly service: PlainService;
  readonly port: number | string | undefined;
  readonly edits: HeaderEdits;
  readonly random: () => number;
}

/** Forwards to a ready address of a plain Service; tries another where a connection fails. No queue, no limit, no clock of ours. */
export function sendToService(request: ServiceRequest, exchange: Exchange, attempt: number = 1): void {
  const { service, edits, random } = request;
  const port = findServicePort(service, request.port);
  const endpoint = port === undefined ? undefined : chooseEndpoint(port.endpoints, [random(), random()]);
  if (endpoint === undefined) {
    answer(exchange, 503, `service "${service.namespace}/${service.name}" has no ready endpoints`);
    return;
  }
  endpoint.inFlight++;
  exchange.forward({
    address: endpoint.address,
    edits,
    onConnectFailed(_exchange, failure) {
      endpoint.inFlight--;
      if (attempt < attemptsMax) sendToService(request, exchange, attempt + 1);
      else answer(exchange, 502, `service "${service.namespace}/${service.name}" cannot be reached: ${failure.code}`);
    },
    onUpstreamEnd() {
      endpoint.inFlight--;
    },
  });
}

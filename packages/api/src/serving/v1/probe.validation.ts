import {
  disallowedField,
  fieldError,
  invalidValue,
  missingOneOf,
  multipleOneOf,
  outOfBounds,
  type FieldError,
} from "../../meta/field-error.ts";
import { isSet } from "../../meta/field-mask.ts";
import type { ContainerPort, Probe } from "./container.types.ts";

const int32Max = 2_147_483_647;

/** Where a probe may go: the port of the serving container, or undefined for a sidecar, which must name one. */
export type ProbePort = Pick<ContainerPort, "containerPort" | "name"> | undefined;

/** What is wrong with a liveness or startup probe. */
export function validateProbe(probe: Probe | undefined, port: ProbePort): FieldError[] {
  if (probe === undefined) return [];
  const { httpGet, tcpSocket, grpc, exec } = probe;
  const handlers = Object.entries({ httpGet, tcpSocket, exec, grpc }).filter(([, handler]) => handler !== undefined);
  const errors = [
    ...(httpGet === undefined ? [] : validatePort(httpGet.port, port, "httpGet.port")),
    ...(tcpSocket === undefined ? [] : validatePort(tcpSocket.port, port, "tcpSocket.port")),
    ...(grpc === undefined ? [] : validatePort(grpc.port, port, "grpc.port")),
  ];
  if (handlers.length === 0) errors.push(missingOneOf("httpGet", "tcpSocket", "exec", "grpc"));
  if (handlers.length > 1) errors.push(multipleOneOf(...handlers.map(([name]) => name)));
  return errors;
}

/** What is wrong with a readiness probe; a period of 0 leaves the timing to us. */
export function validateReadinessProbe(probe: Probe | undefined, port: ProbePort): FieldError[] {
  if (probe === undefined) return [];
  const { periodSeconds = 0, initialDelaySeconds = 0, successThreshold = 0 } = probe;
  return [
    ...validateProbe(probe, port),
    ...atLeast(0, periodSeconds, "periodSeconds"),
    ...atLeast(0, initialDelaySeconds, "initialDelaySeconds"),
    ...atLeast(1, successThreshold, "successThreshold"),
    ...(periodSeconds === 0 ? validateUntimed(probe) : validateTimed(probe)),
  ];
}

/** A sidecar may not have this probe: all that it sets is named. */
export function validateForbiddenProbe(probe: Probe | undefined): FieldError[] {
  if (probe === undefined) return [];
  const names = Object.entries(probe)
    .filter(([, value]) => isSet(value) && value !== 0)
    .map(([name]) => name);
  return [disallowedField(...(names.length === 0 ? [""] : names))];
}

function validateUntimed({ failureThreshold = 0, timeoutSeconds = 0 }: Probe): FieldError[] {
  return [
    ...(failureThreshold === 0 ? [] : [untimed("failureThreshold")]),
    ...(timeoutSeconds === 0 ? [] : [untimed("timeoutSeconds")]),
  ];
}

function untimed(field: string): FieldError {
  return fieldError(`${field} is disallowed when periodSeconds is zero`, [field]);
}

function validateTimed({ failureThreshold = 0, timeoutSeconds = 0 }: Probe): FieldError[] {
  return [...atLeast(1, timeoutSeconds, "timeoutSeconds"), ...atLeast(1, failureThreshold, "failureThreshold")];
}

function atLeast(min: number, value: number, path: string): FieldError[] {
  return value < min || value > int32Max ? [outOfBounds(value, { min, max: int32Max }, path)] : [];
}

// Port 0, the empty name and none at all stand for the container's port.
function validatePort(given: number | string | undefined, port: ProbePort, path: string): FieldError[] {
  const isGiven = given !== undefined && given !== 0 && given !== "";
  if (port === undefined) return isGiven ? [] : [invalidValue(given ?? 0, path, "Probe port must be specified")];
  const wanted = typeof given === "string" ? port.name : port.containerPort;
  return isGiven && given !== wanted ? [invalidValue(given, path, "Probe port must match container port")] : [];
}

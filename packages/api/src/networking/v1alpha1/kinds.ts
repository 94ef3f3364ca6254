// The kind without defaults, validation and status rules: for services that only read objects, and whose start must not wait
// for what they call later.
export { Ingress } from "./ingress.types.ts";

import { createRequire } from "node:module";
import type { FastifySchemaControllerOptions } from "fastify/types/schema.js";

// fastify loads ajv and fast-json-stringify at start, whether or not a route has a schema: 60 ms and 5 MB a process
// (measured). These stand in for them and load the real ones when the first request or answer is checked.

/** What ajv makes of a schema: says whether a value fits, and leaves what does not in `errors`. */
interface Validate {
  (value: unknown): unknown;
  errors?: unknown;
}

type Serialize = (value: unknown) => string;

/** fastify's builders: from shared schemas and settings, to a route's schema, to a function. */
type Builder<F> = (externalSchemas: unknown, settings: unknown) => (route: unknown) => F;

// They are fastify's dependencies, not ours, so they are looked for from where fastify is.
const requireFromFastify = createRequire(createRequire(import.meta.url).resolve("fastify"));

const buildValidator: Builder<Validate> = (externalSchemas, settings) => (route) => {
  let validate: Validate | undefined;
  const lazy: Validate = (value) => {
    validate ??= loadBuilder<Validate>("@fastify/ajv-compiler")(externalSchemas, settings)(route);
    const result = validate(value);
    lazy.errors = validate.errors;
    return result;
  };
  return lazy;
};

const buildSerializer: Builder<Serialize> = (externalSchemas, settings) => (route) => {
  let serialize: Serialize | undefined;
  return (value) => {
    serialize ??= loadBuilder<Serialize>("@fastify/fast-json-stringify-compiler")(externalSchemas, settings)(route);
    return serialize(value);
  };
};

function loadBuilder<F>(name: string): Builder<F> {
  const makeBuilder = requireFromFastify(name) as () => Builder<F>;
  return makeBuilder();
}

/** For fastify's `schemaController.compilersFactory`. A schema that cannot be compiled fails the first request. */
export const lazyCompilers = { buildValidator, buildSerializer } as object as NonNullable<
  FastifySchemaControllerOptions["compilersFactory"]
>;

import type { FastifyError, FastifyInstance } from "fastify";

/** What every failed request is answered: one word for programs, one sentence for people. */
export interface ErrorAnswer {
  readonly error: string;
  readonly message: string;
}

/** Makes all errors JSON of one shape. What goes wrong inside is logged, and only said to be an internal error. */
export function addErrorAnswers(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const statusCode = error.statusCode ?? 500;
    if (statusCode >= 500) {
      request.log.error({ err: error }, "Request failed");
      return reply
        .code(statusCode)
        .send(answerOf("InternalError", "the request failed for a reason that is in the log"));
    }
    return reply.code(statusCode).send(answerOf(error.code ?? "BadRequest", error.message));
  });
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send(answerOf("NotFound", `there is no ${request.method} ${request.url.split("?")[0]}`)),
  );
}

function answerOf(error: string, message: string): ErrorAnswer {
  return { error, message };
}

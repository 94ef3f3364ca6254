// Shows the events that it is sent, one a line. Events come as HTTP requests, so a web server is all that is needed.
import { createServer } from "node:http";

const server = createServer(async (request, response) => {
  const event = await readEvent(request).catch(() => undefined);
  if (event?.type === undefined) {
    response.writeHead(400, { "content-type": "text/plain" }).end("no CloudEvent\n");
    return;
  }
  const path = request.url === "/" ? "" : ` at ${request.url}`;
  console.log(`event ${event.type} ${event.id} from ${event.source}${path}: ${event.data}`);
  // Done: any 2xx does. An event as the answer would go back to the Broker.
  response.writeHead(204).end();
});

/** In binary form the attributes are headers, in structured form all is one JSON object. */
async function readEvent(request) {
  let body = "";
  for await (const chunk of request) body += chunk;
  const { headers } = request;
  if (!headers["content-type"]?.startsWith("application/cloudevents+json")) {
    return { type: headers["ce-type"], id: headers["ce-id"], source: headers["ce-source"], data: body };
  }
  const { type, id, source, data } = JSON.parse(body);
  return { type, id, source, data: JSON.stringify(data) };
}

server.listen(Number(process.env.PORT ?? 8080), () => console.log("waiting for events"));

// A pod that is scaled away gets SIGTERM: finish what is under way, then end.
process.once("SIGTERM", () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});

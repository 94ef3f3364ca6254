// An ES import of node:http evaluates its lazy exports, a WebSocket client among them: 45 ms and 14 MB a process.
const http = process.getBuiltinModule("node:http");

export const request: typeof http.request = http.request;

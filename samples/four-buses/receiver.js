// Where the events of all buses end. The path of a POST is the bus; the body {round, number, sentMs}. `GET /close?round=R` makes
// it refuse the events of that round until `GET /open`, and `GET /seen?round=R` gives what came of each bus.
import { createServer } from "node:http";

const ROUNDS_MAX = 8;
const rounds = new Map();
let closedRound;

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? "/", "http://receiver");
  if (request.method === "GET") return answer(url, response);
  let body = "";
  for await (const piece of request) body += piece;
  const { round, number, sentMs } = JSON.parse(body);
  if (round === closedRound) return response.writeHead(503).end();
  note(tallyOf(round, url.pathname.slice(1)), number, Date.now() - sentMs);
  response.writeHead(204).end();
});

function answer({ pathname, searchParams }, response) {
  const round = searchParams.get("round");
  if (pathname === "/close") closedRound = round;
  if (pathname === "/open") closedRound = undefined;
  response.writeHead(200, { "content-type": "application/json" });
  response.end(JSON.stringify(pathname === "/seen" ? summarize(rounds.get(round) ?? new Map()) : {}));
}

function tallyOf(round, bus) {
  if (!rounds.has(round)) rounds.set(round, new Map());
  if (rounds.size > ROUNDS_MAX) rounds.delete(rounds.keys().next().value);
  const buses = rounds.get(round);
  if (!buses.has(bus)) buses.set(bus, { numbers: new Set(), highest: -1, late: 0, duplicates: 0, delaysMs: [] });
  return buses.get(bus);
}

function note(tally, number, delayMs) {
  if (tally.numbers.has(number)) {
    tally.duplicates += 1;
    return;
  }
  tally.numbers.add(number);
  tally.delaysMs.push(delayMs);
  if (number < tally.highest) tally.late += 1;
  tally.highest = Math.max(tally.highest, number);
}

function summarize(buses) {
  const rows = [...buses].map(([bus, { numbers, late, duplicates, delaysMs }]) => {
    const sorted = delaysMs.toSorted((one, other) => one - other);
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
    return [bus, { delivered: numbers.size, late, duplicates, p50Ms: at(0.5), p99Ms: at(0.99) }];
  });
  return Object.fromEntries(rows);
}

server.listen(Number(process.env.PORT ?? 8080), () => console.log("waiting for events"));
process.once("SIGTERM", () => process.exit(0));

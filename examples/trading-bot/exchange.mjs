// @ts-check
// The exchange: serves tickers and takes orders over HTTP on loopback, and fails on schedule. A separate
// process, started by main.mjs, to which it reports what it sees. It does not use the library.
import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { schedule } from "./schedule.mjs";

/** The requests that the exchange allows in any second. */
const LIMIT_PER_SECOND = 20;
const PRICES = new Map([
  ["BTC/USDT", 64_000],
  ["ETH/USDT", 3_100],
  ["SOL/USDT", 145],
]);
const POISON = `${"a".repeat(24)}!`;

const phases = schedule(process.argv.includes("--fast"));
const keepRunning = process.argv.includes("--keep-running");

let [phase] = phases;
let poisoned = false;
/** A hang begins with an order: it is booked, but the client gets no answer. */
let hung = false;
/** Retry-After values still to be sent, and the time until which no request is allowed. */
let bans = /** @type {number[]} */ ([]);
let bannedUntil = 0;
let nextBan = 0;
const counts = {
  seen: 0,
  tickers: 0,
  errors: 0,
  throttled: 0,
  duringPause: 0,
  retries: 0,
  notices: 0,
  unanswered: 0,
};
const ledger = { accepted: 0, repeated: 0, position: 0 };
let busiestSecond = 0;
const arrivals = /** @type {number[]} */ ([]);
/** Orders by the client's id: a repeated order is answered again, not booked again. */
const orders = new Map();

/** @param {object} message */
function tell(message) {
  if (process.connected) process.send?.(message);
}

/** @param {number} now */
function countArrival(now) {
  counts.seen++;
  arrivals.push(now);
  while (now - (arrivals[0] ?? now) >= 1000) arrivals.shift();
  busiestSecond = Math.max(busiestSecond, arrivals.length);
}

/** The Retry-After for a request while the exchange asks for a pause or begins one; else undefined. @param {number} now */
function throttle(now) {
  if (now < bannedUntil) {
    counts.throttled++;
    counts.duringPause++;
    return Math.ceil((bannedUntil - now) / 1000);
  }
  const seconds = now < nextBan ? undefined : bans.shift();
  if (seconds === undefined) return undefined;
  counts.throttled++;
  bannedUntil = now + seconds * 1000;
  nextBan = bannedUntil + 1000;
  return seconds;
}

/** @param {string} symbol */
function ticker(symbol) {
  const price = PRICES.get(symbol);
  if (price === undefined) return undefined;
  const moved = price * (1 + (Math.random() - 0.5) / 200);
  PRICES.set(symbol, moved);
  counts.tickers++;
  const found = { symbol, price: Number(moved.toFixed(2)) };
  if (phase.fault !== "poison" || poisoned) return found;
  poisoned = true;
  counts.notices++;
  return { ...found, notice: POISON };
}

/** @param {{ id: string, symbol: string, side: "buy" | "sell" }} order */
function accept(order) {
  const known = orders.get(order.id);
  if (known !== undefined) {
    ledger.repeated++;
    return { ...known, repeated: true };
  }
  const booked = { id: order.id, symbol: order.symbol, side: order.side };
  orders.set(order.id, booked);
  if (orders.size > 1000) orders.delete(orders.keys().next().value);
  ledger.accepted++;
  ledger.position += order.side === "buy" ? 1 : -1;
  tell({ type: "accepted", id: order.id });
  return booked;
}

/** @param {http.IncomingMessage} request */
async function body(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text === "" ? undefined : JSON.parse(text);
}

/** @param {http.ServerResponse} response @param {number} status @param {object} value @param {http.OutgoingHttpHeaders} [headers] */
function answer(response, status, value, headers) {
  // Once the server has stopped listening, kept-alive connections must not be served any more.
  if (!server.listening) response.setHeader("Connection", "close");
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(value));
}

function delay() {
  return phase.fault === "latency" ? 100 + Math.random() * 150 : 3 + Math.random() * 12;
}

/** @param {http.IncomingMessage} request @param {http.ServerResponse} response */
async function serve(request, response) {
  const now = performance.now();
  countArrival(now);
  if (Number(request.headers["x-attempt"]) > 1) counts.retries++;
  // What happens to a request depends on when it arrived.
  const { fault } = phase;
  const seconds = throttle(now);
  const order = await body(request);
  if (seconds !== undefined) return answer(response, 429, { error: "too many" }, { "Retry-After": seconds });
  if (fault === "errors") {
    counts.errors++;
    await sleep(delay());
    return answer(response, 500, { error: "the matching engine is down" });
  }
  const url = new URL(request.url ?? "/", "http://exchange");
  const result = request.method === "POST" ? accept(order) : ticker(url.searchParams.get("symbol") ?? "");
  if (fault === "hang" && request.method === "POST") hung = true;
  if (hung) {
    counts.unanswered++;
    return undefined;
  }
  await sleep(delay());
  if (result === undefined) return answer(response, 404, { error: "no such symbol" });
  return answer(response, 200, result);
}

const server = http.createServer((request, response) => {
  serve(request, response).catch((error) => {
    // The client aborted; it will ask again.
    response.destroy(error instanceof Error ? error : undefined);
  });
});

// Connections of the bot may be idle; only the schedule closes them.
server.keepAliveTimeout = 60_000;

/** @param {number} port @returns {Promise<number>} */
function listen(port) {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      resolve(address.port);
    });
  });
}

/** @param {number} port */
async function runSchedule(port) {
  for (let cycle = 1; ; cycle++) {
    for (const [index, next] of phases.entries()) {
      const closed = phase.fault === "refused";
      phase = next;
      poisoned = false;
      hung = false;
      bans = [...(next.retryAfter ?? [])];
      if (next.fault === "refused") {
        // Like a server that restarts: it answers what it has received, then stops listening.
        server.close();
        server.closeIdleConnections();
      } else if (closed) {
        await listen(port);
      }
      tell({ type: "phase", index, cycle });
      await sleep(next.seconds * 1000);
    }
    if (!keepRunning) break;
  }
  tell({ type: "finished" });
}

function report() {
  tell({ type: "exchange", ...counts, ...ledger, busiestSecond, limit: LIMIT_PER_SECOND });
}

// Without its parent the exchange ends.
process.on("disconnect", () => process.exit());

const port = await listen(0);
process.on("message", (/** @type {{ type: string }} */ message) => {
  if (message.type === "begin") void runSchedule(port);
  if (message.type === "report") {
    report();
    tell({ type: "reported" });
  }
});
setInterval(report, 200).unref();
tell({ type: "listening", port });

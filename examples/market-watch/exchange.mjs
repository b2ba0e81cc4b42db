// @ts-check
// The exchange: a stream of candles over WebSocket and candles by time over REST, on loopback, with faults when it is told
// to have them. A process of its own, started by demo.mjs. It does not use the library.
import { Market } from "./market.mjs";
import { RestServer } from "./rest-server.mjs";
import { StreamServer } from "./stream-server.mjs";

const MINUTE_MS = 60_000;
const POISON = `${"a".repeat(24)}!`;
/** The first maintenance is this long after the first client has asked when it is. */
const untilMaintenance = Number(process.argv[2]);

/** @param {object} message */
function tell(message) {
  if (process.connected) process.send?.(message);
}

let maintenance = 0;

function announce() {
  if (maintenance === 0) {
    maintenance = Date.now() + untilMaintenance;
    setTimeout(maintain, untilMaintenance);
    tell({ type: "maintenance", at: maintenance });
  }
  return { maintenance: { every: "1m", offset: `${maintenance % MINUTE_MS}ms` } };
}

function maintain() {
  stream.maintain();
  maintenance += MINUTE_MS;
  setTimeout(maintain, maintenance - Date.now());
}

const market = new Market((candle) => stream.candle(candle));
const rest = new RestServer(market, announce);
const stream = new StreamServer(rest.server);

/** What begins with a phase, by the name of its fault. @type {Record<string, () => void>} */
const faults = {
  silence: () => stream.silence(),
  "half-open": () => stream.halfOpen(),
  close: () => stream.close(1000, "bye"),
  burst: () => stream.burst(),
  garbage: () => stream.garbage(),
  "broken frame": () => stream.brokenFrame(),
  refused: () => stream.close(1001, "restarting"),
  poison: () => stream.notice(POISON),
};

/** @param {string} fault */
function begin(fault) {
  stream.refuses = fault === "refused";
  rest.fails = fault === "refused" || fault === "rest errors";
  faults[fault]?.();
}

function status() {
  return { stream: { ...stream.counts }, rest: { ...rest.counts }, subscribed: stream.subscribed };
}

/** All candles that a client could have known, as `[symbol, time, close]`. */
function candles() {
  return [...market.history].flatMap(([symbol, ofSymbol]) =>
    [...ofSymbol.values()]
      .filter(({ time }) => time >= (stream.first.get(symbol) ?? Infinity))
      .map(({ time, close }) => [symbol, time, close]),
  );
}

/** The program's process, while it is stopped. @type {number | undefined} */
let stopped;

process.on("message", (/** @type {{ type: string, fault: string, stopped?: number }} */ message) => {
  const { type, fault } = message;
  if (type === "phase") begin(fault);
  if (type === "phase") ({ stopped } = message);
  if (type === "close the market") {
    market.stop();
    tell({ type: "closed", candles: candles(), ...status() });
  }
  if (type === "report") tell({ type: "reported", ...status() });
});
// Without its parent the exchange ends; a process that is stopped would never know that it is to end as well.
process.on("disconnect", () => {
  if (stopped !== undefined) process.kill(stopped, "SIGCONT");
  process.exit();
});
setInterval(() => tell({ type: "exchange", ...status() }), 100).unref();

tell({ type: "listening", port: await rest.listen() });

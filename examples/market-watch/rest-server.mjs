// @ts-check
// The exchange's REST interface: candles by time, with a limit of requests.
import http from "node:http";
import { CANDLES_PER_REQUEST, REQUESTS_PER_SECOND } from "./settings.mjs";

export class RestServer {
  counts = { seen: 0, answered: 0, failed: 0, throttled: 0, candles: 0, busiestSecond: 0 };
  fails = false;
  server = http.createServer((request, response) => this.#serve(request, response));
  /** @type {number[]} */
  #arrivals = [];
  #market;
  #info;

  /** @param {import("./market.mjs").Market} market @param {() => object} info what the exchange tells of itself */
  constructor(market, info) {
    this.#market = market;
    this.#info = info;
  }

  /** @returns {Promise<number>} the port */
  listen() {
    return new Promise((resolve, reject) => {
      this.server.once("error", reject);
      this.server.listen(0, "127.0.0.1", () => {
        const address = this.server.address();
        if (address !== null && typeof address === "object") resolve(address.port);
      });
    });
  }

  /** @param {http.IncomingMessage} request @param {http.ServerResponse} response */
  #serve(request, response) {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://exchange");
    if (pathname === "/info") return answer(response, 200, this.#info());
    if (pathname !== "/klines") return answer(response, 404, { error: "no such path" });
    if (!this.#admit()) {
      this.counts.throttled++;
      return answer(response, 429, { error: "too many requests" }, { "Retry-After": 1 });
    }
    if (this.fails) {
      this.counts.failed++;
      return answer(response, 500, { error: "the database is down" });
    }
    const from = Number(searchParams.get("startTime"));
    const to = Number(searchParams.get("endTime"));
    const found = this.#market.between(searchParams.get("symbol") ?? "", from, to, CANDLES_PER_REQUEST);
    this.counts.answered++;
    this.counts.candles += found.length;
    return answer(
      response,
      200,
      found.map(({ time, close }) => [time, String(close)]),
    );
  }

  #admit() {
    const now = performance.now();
    this.counts.seen++;
    this.#arrivals.push(now);
    while (now - (this.#arrivals[0] ?? now) >= 1000) this.#arrivals.shift();
    this.counts.busiestSecond = Math.max(this.counts.busiestSecond, this.#arrivals.length);
    return this.#arrivals.length <= REQUESTS_PER_SECOND;
  }
}

/** @param {http.ServerResponse} response @param {number} status @param {object} value @param {http.OutgoingHttpHeaders} [headers] */
function answer(response, status, value, headers) {
  response.writeHead(status, { "Content-Type": "application/json", ...headers });
  response.end(JSON.stringify(value));
}

// @ts-check
// The trading bot: the five patterns around a trading loop, and two pipelines of policies to the exchange. Its settings
// are in kstlib.conf.yml.
import { setTimeout as sleep } from "node:timers/promises";
import {
  CircuitOpenError,
  GracefulShutdown,
  Heartbeat,
  RateLimitExceededError,
  Registry,
  Watchdog,
} from "@kstlib/resilience";
import { Attempts } from "./attempts.mjs";
import { ConnectionError, ExchangeClient, ThrottledError } from "./exchange-client.mjs";
import { readNotice } from "./notice.mjs";

const SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"];
/** A position is sold after its price was checked this often. */
const HOLD = 4;

/**
 * @typedef {{ id: string, symbol: string, side: "buy" | "sell" }} Order
 * @typedef {{ price: number, looks: number, held: boolean }} Market
 * @typedef {import("@kstlib/resilience").ExecutionContext} Context
 */

/** @param {unknown} error */
function isMistake(error) {
  return error instanceof TypeError || error instanceof RangeError;
}

export class TradingBot {
  #exchange;
  /** @type {Map<string, Market>} */
  #markets = new Map();
  /** An order that was sent but not answered, so it may be booked: it is repeated before any other. @type {Order | undefined} */
  #unanswered;
  #sequence = 0;
  /** @type {unknown} */
  #lastFailure;
  #orders = { booked: 0, refused: 0, repeated: 0 };
  #looks = { fresh: 0, unserved: 0 };
  #throttled = { seen: 0, longestPause: 0 };
  /** @type {Promise<void>} */
  #trading = Promise.resolve();
  #tell;

  /** The parts of the pipelines, by name. */
  #registry = new Registry();
  #attempts;
  /** Seconds for which a limiter refuses everything. */
  #refusedFor = 0;

  /**
   * @param {{ port: number, stateFile: string, tell: (message: object) => void, budget: { ratio: number, minPerSecond: number } }} settings
   *   `tell` receives events
   */
  constructor({ port, stateFile, tell, budget }) {
    this.#tell = tell;
    this.#exchange = new ExchangeClient(port);
    this.#attempts = new Attempts(budget);

    const registry = this.#registry;
    // What a file cannot express: a 429 comes from a healthy exchange and does not count as a failure, and a mistake in
    // this program is no reason to continue with an old price.
    this.circuit = registry.circuitBreaker("exchange-api", { excludedErrors: [ThrottledError] });
    this.lastPrice = registry.fallback("last-price", {
      handleIf: (outcome) => outcome.status === "rejected" && !isMistake(outcome.reason),
    });
    this.retry = registry.retry("exchange");
    this.limiters = [registry.rateLimiter("tickers"), registry.rateLimiter("orders")];
    /** @type {Record<"prices" | "orders", import("@kstlib/resilience").Pipeline>} */
    this.pipelines = { prices: registry.pipeline("prices"), orders: registry.pipeline("orders") };

    this.shutdown = new GracefulShutdown();
    this.heartbeat = new Heartbeat({
      stateFile,
      drainOn: this.shutdown.signal,
      metadata: () => ({ version: "1.0.0", orders: this.#orders.booked, circuit: this.circuit.state }),
    });

    this.watchdog = new Watchdog({
      name: "trading-loop",
      heartbeat: this.heartbeat, // its file says "frozen" while the loop is frozen
      onTimeout: (info) => tell({ type: "freeze", kind: info.kind, seconds: info.secondsInactive }),
      onRecover: () => tell({ type: "recovered" }),
    });

    this.shutdown.register("positions", () => this.closePositions(), { priority: 10 }); // First: close positions
    this.shutdown.register("connections", () => this.cleanup(), { priority: 50 }); // Then: clean up
    this.shutdown.register("heartbeat", () => this.heartbeat.stop(), { priority: 100 }); // Last: stop the heartbeat

    this.lastPrice.on("fallback", ({ outcome }) => {
      if (outcome.status === "rejected") this.#refused(outcome.reason);
    });
    this.circuit.on("failure", ({ error }) => (this.#lastFailure = error));
    this.circuit.on("stateChange", ({ from, to }) => {
      const failure = this.#lastFailure instanceof Error ? this.#lastFailure.message.replace(/\.$/, "") : "";
      tell({ type: "circuit", from, to, failure });
    });
    this.shutdown.on("callback", ({ result: { name, status, seconds } }) => {
      tell({ type: "closed", name, status, seconds });
    });
    this.shutdown.on("complete", ({ report: { reason, ok, seconds } }) => {
      tell({ type: "status", ...this.status() });
      tell({ type: "ended", reason, ok, seconds });
    });
  }

  async run() {
    this.shutdown.install();
    this.heartbeat.start();
    this.watchdog.start();
    this.#trading = this.#trade();
    await this.#trading;
  }

  async #trade() {
    try {
      while (!this.shutdown.isShuttingDown) {
        for (const symbol of SYMBOLS) await this.#processTrades(symbol);
      }
    } finally {
      // The loop has ended as planned, so missing pings no longer mean a freeze.
      this.watchdog.stop();
    }
  }

  /** One step of the loop: look at a price, and buy or sell. @param {string} symbol */
  async #processTrades(symbol) {
    if (this.shutdown.isShuttingDown) return;
    this.watchdog.ping();
    const fresh = await this.#look(symbol);
    this.watchdog.ping();
    const order = this.#unanswered ?? this.#decide(symbol, fresh);
    if (order !== undefined) await this.#place(order);
    this.watchdog.ping();
    await this.#waitOut();
  }

  /** Waits until the limiters admit requests again, but no longer than the watchdog tolerates. */
  async #waitOut() {
    const wait = Math.min(this.#refusedFor, this.watchdog.snapshot().timeout / 2);
    this.#refusedFor = 0;
    if (wait > 0) await sleep(wait * 1000);
  }

  /** Selling at the last known price is better than not selling; buying at it is not better than not buying. @param {string} symbol @param {boolean} fresh */
  #decide(symbol, fresh) {
    const market = this.#markets.get(symbol);
    if (market === undefined) return undefined;
    if (market.held) return market.looks >= HOLD ? this.#order(symbol, "sell") : undefined;
    return fresh && market.looks >= HOLD / 2 ? this.#order(symbol, "buy") : undefined;
  }

  /** @param {string} symbol @param {"buy" | "sell"} side @returns {Order} */
  #order(symbol, side) {
    return { id: `${process.pid}-${++this.#sequence}`, symbol, side };
  }

  /**
   * A request through one of the pipelines, with as many attempts as needed.
   *
   * @template Answer
   * @param {"prices" | "orders"} name @param {(context: Context) => Promise<Answer>} request
   * @param {string} [symbol] tells last known prices apart
   */
  #ask(name, request, symbol) {
    const deadline = this.#totalTimeout(name).timeout * 1000;
    const called = this.#attempts.called();
    return this.pipelines[name].execute(
      async (context) => {
        this.#attempts.begins(called, context.attempt, deadline);
        try {
          return await request(context);
        } catch (error) {
          if (error instanceof ThrottledError) this.#pause(error.retryAfter);
          throw error;
        }
      },
      { key: symbol },
    );
  }

  /** @param {string} pipeline */
  #totalTimeout(pipeline) {
    return this.#registry.timeout(`${pipeline}-total`);
  }

  /** Sends no request to the exchange for this long. @param {number} seconds */
  #pause(seconds) {
    for (const limiter of this.limiters) limiter.pauseFor(seconds);
    this.#refusedFor = seconds;
    this.#throttled.seen++;
    this.#throttled.longestPause = Math.max(this.#throttled.longestPause, seconds);
    this.#tell({ type: "throttled", seconds });
  }

  /** The price from the exchange, or the last known one. @param {string} symbol @returns {Promise<boolean>} whether it is fresh */
  async #look(symbol) {
    let answer;
    try {
      const ticker = await this.#ask(
        "prices",
        async (context) => (answer = await this.#exchange.ticker(symbol, context)),
        symbol,
      );
      const { price, notice } = ticker;
      const fresh = ticker === answer;
      const { held = false, looks = 0 } = this.#markets.get(symbol) ?? {};
      this.#markets.set(symbol, { held, price, looks: looks + 1 });
      if (fresh) this.#looks.fresh++;
      if (fresh && notice !== undefined) {
        this.#tell({ type: "notice" });
        readNotice(notice);
      }
      return fresh;
    } catch (error) {
      if (isMistake(error)) throw error;
      this.#looks.unserved++;
      return false;
    }
  }

  /** @param {Order} order */
  async #place(order) {
    try {
      const { repeated } = await this.#ask("orders", async (context) => {
        const sentBefore = this.#unanswered === order;
        // From here on it may be booked, whatever happens to this attempt, unless the exchange refuses it.
        this.#unanswered = order;
        try {
          return await this.#exchange.order(order, context);
        } catch (error) {
          const unread = error instanceof ConnectionError || error instanceof ThrottledError;
          if (unread && !sentBefore) this.#unanswered = undefined;
          throw error;
        }
      });
      this.#book(order, repeated === true);
    } catch (error) {
      if (isMistake(error)) throw error;
      this.#refused(error);
      if (error instanceof CircuitOpenError) this.#orders.refused++;
    }
  }

  /** A paused limiter refuses at once; then the loop must wait. @param {unknown} error */
  #refused(error) {
    if (error instanceof RateLimitExceededError) this.#refusedFor = error.retryAfter;
  }

  /** @param {Order} order @param {boolean} repeated */
  #book(order, repeated) {
    const market = this.#markets.get(order.symbol);
    if (market !== undefined) {
      market.held = order.side === "buy";
      market.looks = 0;
    }
    this.#unanswered = undefined;
    this.#orders.booked++;
    if (repeated) this.#orders.repeated++;
    this.#tell({ type: "booked", id: order.id });
  }

  /** First in the shutdown: no position may stay open unattended. */
  async closePositions() {
    await this.#trading;
    for (let order = this.#nextToClose(); order !== undefined; order = this.#nextToClose()) {
      await this.#place(order);
      await this.#waitOut();
      // Wait while the circuit is open.
      if (this.circuit.state === "open") await sleep(100);
    }
  }

  #nextToClose() {
    const [symbol] = this.#held();
    return this.#unanswered ?? (symbol === undefined ? undefined : this.#order(symbol, "sell"));
  }

  cleanup() {
    this.#exchange.close();
  }

  #held() {
    return [...this.#markets].filter(([, market]) => market.held).map(([symbol]) => symbol);
  }

  status() {
    const { counts, latest, busiest } = this.#attempts;
    const [ofPrices, ofOrders] = [this.#totalTimeout("prices"), this.#totalTimeout("orders")];
    return {
      circuit: this.circuit.snapshot(),
      limiters: this.limiters.map((limiter) => limiter.snapshot()),
      watchdog: this.watchdog.snapshot(),
      orders: { ...this.#orders, positions: this.#held().length },
      looks: { ...this.#looks, lastKnown: this.lastPrice.stats.fromLastGood },
      throttled: { ...this.#throttled },
      requests: { ...this.#exchange.counts, latencyMs: this.#exchange.latencyMs },
      attempts: { ...counts, latest, busiest },
      retry: this.retry.stats,
      expired: ofPrices.stats.timedOutCalls + ofOrders.stats.timedOutCalls,
    };
  }
}

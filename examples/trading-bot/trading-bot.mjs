// @ts-check
// The trading bot: the five patterns around a trading loop. Its settings are in kstlib.conf.yml.
import { setTimeout as sleep } from "node:timers/promises";
import {
  CircuitBreaker,
  CircuitOpenError,
  GracefulShutdown,
  Heartbeat,
  RateLimiter,
  RateLimitExceededError,
  Watchdog,
} from "@kstlib/resilience";
import { ExchangeClient, ExchangeError, NoAnswerError, ThrottledError } from "./exchange-client.mjs";
import { readNotice } from "./notice.mjs";

const SYMBOLS = ["BTC/USDT", "ETH/USDT", "SOL/USDT"];
/** A position is sold after this many looks at its price. */
const HOLD = 4;

/**
 * @typedef {{ id: string, symbol: string, side: "buy" | "sell" }} Order
 * @typedef {{ price: number, looks: number, held: boolean }} Market
 */

export class TradingBot {
  #exchange;
  /** @type {Map<string, Market>} */
  #markets = new Map();
  /** An order without an answer: it is repeated before any other. @type {Order | undefined} */
  #unanswered;
  #sequence = 0;
  /** @type {unknown} */
  #lastFailure;
  #orders = { booked: 0, refused: 0, repeated: 0 };
  #looks = { fresh: 0, fromCache: 0, unserved: 0 };
  #throttled = { seen: 0, longestPause: 0 };
  /** @type {Promise<void>} */
  #trading = Promise.resolve();
  #tell;

  /** @param {{ port: number, stateFile: string, tell: (message: object) => void }} settings `tell` receives events */
  constructor({ port, stateFile, tell }) {
    this.#tell = tell;
    this.#exchange = new ExchangeClient(port);

    // A 429 is an answer of a healthy exchange: it does not count against the circuit.
    this.circuit = new CircuitBreaker({ name: "exchange-api", excludedErrors: [ThrottledError] });
    this.tickers = new RateLimiter({ name: "tickers" });
    this.orders = new RateLimiter({ name: "orders" });

    this.shutdown = new GracefulShutdown();
    this.heartbeat = new Heartbeat({
      stateFile,
      drainOn: this.shutdown.signal,
      metadata: () => ({ version: "1.0.0", orders: this.#orders.booked, circuit: this.circuit.state }),
    });

    this.watchdog = new Watchdog({
      name: "trading-loop",
      heartbeat: this.heartbeat, // whose file says "frozen" while the loop is frozen
      onTimeout: (info) => tell({ type: "freeze", kind: info.kind, seconds: info.secondsInactive }),
      onRecover: () => tell({ type: "recovered" }),
    });

    this.shutdown.register("positions", () => this.closePositions(), { priority: 10 }); // First: close positions
    this.shutdown.register("connections", () => this.cleanup(), { priority: 50 }); // Then: clean up
    this.shutdown.register("heartbeat", () => this.heartbeat.stop(), { priority: 100 }); // Last: stop the heartbeat

    this.circuit.on("failure", ({ error }) => (this.#lastFailure = error));
    this.circuit.on("stateChange", ({ from, to }) => {
      const failure = this.#lastFailure instanceof Error ? this.#lastFailure.message : "";
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
      // The loop ends on purpose, so missing pings no longer mean a freeze.
      this.watchdog.stop();
    }
  }

  /** One step of the loop: look at a price, and buy or sell. @param {string} symbol */
  async #processTrades(symbol) {
    this.watchdog.ping();
    if (this.shutdown.isShuttingDown || !(await this.#mayAsk(this.tickers))) return;
    this.watchdog.ping();
    const fresh = await this.#look(symbol);
    this.watchdog.ping();

    const order = this.#unanswered ?? this.#decide(symbol, fresh);
    if (order !== undefined && this.orders.tryAcquire()) await this.#place(order);
  }

  /** Selling at the last known price is better than not selling; buying at it is not. @param {string} symbol @param {boolean} fresh */
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
   * A token of `limiter`, or false after a wait that the watchdog can live with: the loop comes back and pings.
   *
   * @param {RateLimiter} limiter
   */
  async #mayAsk(limiter) {
    const patience = this.watchdog.snapshot().timeout / 2;
    try {
      await limiter.acquire({ timeout: patience, signal: this.shutdown.signal });
      return true;
    } catch (error) {
      if (error instanceof RateLimitExceededError) {
        await sleep(Math.min(error.retryAfter, patience) * 1000);
      } else if (!this.shutdown.isShuttingDown) {
        throw error;
      }
      return false;
    }
  }

  /** The price from the exchange, or the last known one. @param {string} symbol @returns {Promise<boolean>} whether it is fresh */
  async #look(symbol) {
    const market = this.#markets.get(symbol);
    try {
      const { price, notice } = await this.circuit.call(() => this.#exchange.ticker(symbol));
      this.#markets.set(symbol, { held: market?.held ?? false, price, looks: (market?.looks ?? 0) + 1 });
      this.#looks.fresh++;
      if (notice !== undefined) {
        this.#tell({ type: "notice" });
        readNotice(notice);
      }
      return true;
    } catch (error) {
      this.#judge(error);
      if (market === undefined) {
        this.#looks.unserved++;
      } else {
        this.#looks.fromCache++;
        market.looks++;
      }
      return false;
    }
  }

  /** @param {Order} order */
  async #place(order) {
    try {
      const { repeated } = await this.circuit.call(() => this.#exchange.order(order));
      this.#book(order, repeated === true);
    } catch (error) {
      this.#judge(error);
      if (error instanceof CircuitOpenError) this.#orders.refused++;
      // After a 500 or no answer the order may have been booked: it is sent again, with the same id.
      if (error instanceof NoAnswerError || error instanceof ExchangeError) this.#unanswered = order;
    }
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

  /** Handles a failure; one that is not the exchange's is a bug of this program. @param {unknown} error */
  #judge(error) {
    if (error instanceof ThrottledError) {
      this.tickers.pauseFor(error.retryAfter);
      this.orders.pauseFor(error.retryAfter);
      this.#throttled.seen++;
      this.#throttled.longestPause = Math.max(this.#throttled.longestPause, error.retryAfter);
      this.#tell({ type: "throttled", seconds: error.retryAfter });
    } else if (error instanceof TypeError || error instanceof RangeError) {
      throw error;
    }
  }

  /** First in the shutdown: no position may stay open while nobody watches the market. */
  async closePositions() {
    await this.#trading;
    for (let order = this.#nextToClose(); order !== undefined; order = this.#nextToClose()) {
      await this.orders.acquire();
      await this.#place(order);
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
    return {
      circuit: this.circuit.snapshot(),
      limiters: [this.tickers.snapshot(), this.orders.snapshot()],
      watchdog: this.watchdog.snapshot(),
      orders: { ...this.#orders, positions: this.#held().length },
      looks: { ...this.#looks },
      throttled: { ...this.#throttled },
      requests: { ...this.#exchange.counts, latencyMs: this.#exchange.latencyMs },
    };
  }
}

// @ts-check
// The program: keeps every candle of two symbols, whatever happens to the stream they come by. Its settings are in
// kstlib.conf.yml.
import fs from "node:fs";
import path from "node:path";
import { Registry, watchEventLoop } from "@kstlib/resilience";
import { alertsFrom } from "@kstlib/resilience/alerts";
import { TimeTrigger } from "@kstlib/resilience/schedule";
import { WebSocketManager } from "@kstlib/resilience/websocket";
import { WebSocket } from "ws";
import { readNotice } from "../trading-bot/notice.mjs";
import { Alerts } from "./alerts.mjs";
import { CandleStore } from "./candle-store.mjs";
import { keyOf, read } from "./messages.mjs";
import { GapFiller } from "./rest-client.mjs";
import { CANDLE_MS, HANDOVER_EARLY_MS, SYMBOLS } from "./settings.mjs";

const MINUTE_MS = 60_000;
/** CPU time of the freeze: enough for its watchdog, whose timeout is a second, and for the other program to see it. */
const FROZEN_MICROSECONDS = 1_700_000;

/**
 * @typedef {{ every: import("@kstlib/resilience").Duration, offset: string }} Maintenance when the exchange closes its connections
 * @typedef {{ maintenance: Maintenance }} Info what the exchange tells of itself
 * @typedef {{ exchange: string, folder: string, maintenance: Maintenance, tell: typeof import("./tell.mjs").tellParent }} Settings
 *   `exchange` is its URL; `tell` receives events
 */

export class MarketWatch {
  #counts = { garbage: 0, trades: 0, tradesTwice: 0 };
  #lastTrade = 0;
  /** The symbols of which a candle has come since the connection was made: only that shows a gap before it. */
  #heard = new Set();
  /** @type {Promise<void>} */
  #reading = Promise.resolve();
  #tell;
  #gaveUp = new AbortController();
  #registry = new Registry();

  /** @param {Settings} settings */
  constructor({ exchange, folder, maintenance, tell }) {
    this.#tell = tell;
    fs.mkdirSync(folder, { recursive: true });
    this.store = new CandleStore(path.join(folder, "candles.jsonl"));
    this.alerts = new Alerts("market-watch", tell);

    /** @type {import("@kstlib/resilience").Pipeline} */
    const pipeline = this.#registry.pipeline("candles");
    this.circuit = this.#registry.circuitBreaker("exchange-rest");
    this.limiter = this.#registry.rateLimiter("candles");
    this.filler = new GapFiller({
      base: exchange,
      pipeline,
      store: this.store,
      signal: this.#gaveUp.signal,
      onFilled: ({ symbol }) => tell({ type: "filled", symbol }),
    });

    const offset = (Number.parseInt(maintenance.offset, 10) - HANDOVER_EARLY_MS + MINUTE_MS) % MINUTE_MS;
    this.handover = new TimeTrigger(maintenance.every, { name: "handover", offset: `${offset}ms` });
    this.stream = new WebSocketManager(`${exchange.replace("http", "ws")}/stream`, {
      name: "candles",
      WebSocket, // that of `ws` can send pings, which the global one cannot
      proactive: { trigger: this.handover, overlap: "500ms" },
      messageKey: keyOf,
    });

    this.shutdown = this.#registry.shutdown();
    this.heartbeat = this.#registry.heartbeat("market-watch", {
      stateFile: path.join(folder, "market-watch.heartbeat"),
      target: this.stream, // a beat without a stream is told
      onTargetDead: () => tell({ type: "target-dead" }),
      drainOn: this.shutdown.signal,
      metadata: () => ({ candles: this.store.size, stream: this.stream.state }),
    });
    this.watchdog = watchEventLoop({
      name: "event-loop",
      heartbeat: this.heartbeat, // its file says "frozen" while the loop is frozen
      onTimeout: ({ secondsInactive }) => tell({ type: "freeze", seconds: secondsInactive }),
    });

    this.shutdown.register("stream", () => this.#endStream(), { priority: 10 }); // first: nothing new
    this.shutdown.register("gaps", () => this.#endGaps(), { priority: 20 }); // then: what is under way
    this.shutdown.register("alerts", () => this.alerts.close(), { priority: 30 });
    this.shutdown.register("store", () => this.store.close(), { priority: 40 });
    this.shutdown.register("heartbeat", () => this.heartbeat.stop(), { priority: 100 }); // last: the heartbeat
    this.#listen();
  }

  async run() {
    this.shutdown.install();
    this.heartbeat.start();
    this.watchdog.start();
    for (const gap of this.store.gaps()) this.#fill(gap); // what an earlier process could not
    for (const symbol of SYMBOLS) this.#subscribe(`${symbol.toLowerCase()}@kline`);
    this.#subscribe("btcusdt@trade");
    this.#reading = this.#read();
    await this.stream.connect();
    await this.#reading;
  }

  async #read() {
    for await (const data of this.stream) this.#receive(data);
  }

  /** @param {string | ArrayBuffer} data */
  #receive(data) {
    const message = read(data);
    if (message.kind === "candle") {
      this.#heard.add(message.candle.symbol);
      const gap = this.store.fromStream(message.candle);
      if (gap !== undefined) this.#fill(gap);
    }
    if (message.kind === "trade") {
      this.#counts.trades++;
      if (message.id <= this.#lastTrade) this.#counts.tradesTwice++;
      this.#lastTrade = Math.max(this.#lastTrade, message.id);
    }
    if (message.kind === "garbage") {
      this.#counts.garbage++;
      this.alerts.send({ level: "warning", key: "garbage", title: "the stream sent a message that is none" });
    }
    if (message.kind === "notice") {
      this.#tell({ type: "notice" });
      readNotice(message.text, FROZEN_MICROSECONDS);
    }
  }

  /** @param {string} topic */
  #subscribe(topic) {
    this.stream.subscribe(JSON.stringify({ method: "SUBSCRIBE", params: [topic], id: 1 }), {
      key: topic,
    });
  }

  /** @param {import("./candle-store.mjs").Gap} gap */
  #fill(gap) {
    const candles = (gap.to - gap.from) / CANDLE_MS + 1;
    this.#tell({ type: "gap", symbol: gap.symbol, candles });
    void this.filler.fill(gap);
  }

  #listen() {
    const { stream, alerts } = this;
    const tell = this.#tell;
    let isDown = false;
    stream.on("connect", ({ connects, isHandover }) => {
      tell({ type: "connect", connects, isHandover });
      if (!isHandover) this.#heard.clear();
      if (isDown) alerts.resolve("stream");
      isDown = false;
    });
    stream.on("disconnect", ({ reason, code, text, wasProactive }) => {
      tell({ type: "disconnect", reason, code, text, wasProactive });
      if (wasProactive) return;
      isDown = true;
      alerts.send({
        level: "warning",
        key: "stream",
        title: "the stream is lost",
        body: `${reason}, code ${code}`,
      });
    });
    stream.on("reconnecting", ({ attempt, delay }) => tell({ type: "reconnecting", attempt, delay }));
    stream.on("error", () => {}); // an attempt failed; the next one is told by "reconnecting"
    this.circuit.on("stateChange", ({ from, to }) => tell({ type: "circuit", from, to }));
    this.heartbeat.on("targetAlive", () => tell({ type: "target-alive" }));
    // The circuit and the heartbeat's target; a missed beat is the watchdog service's to tell.
    alertsFrom(this.#registry, alerts.manager, { missedBeat: false });
    this.shutdown.on("callback", ({ result: { name, status, seconds } }) => {
      tell({ type: "closed", name, status, seconds });
    });
    this.shutdown.on("complete", ({ report: { reason, ok, seconds } }) => {
      tell({ type: "status", ...this.status() });
      tell({ type: "ended", reason, ok, seconds });
    });
  }

  async #endStream() {
    this.watchdog.stop();
    await this.stream.close();
    await this.#reading;
  }

  async #endGaps() {
    for (let waits = 0; this.filler.open.size > 0 && waits < 40; waits++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.#gaveUp.abort();
  }

  status() {
    const { store, filler } = this;
    return {
      stream: this.stream.snapshot(),
      circuit: this.circuit.snapshot(),
      limiter: this.limiter.snapshot(),
      candles: { stored: store.size, ...store.counts },
      gaps: { ...filler.counts, open: filler.open.size },
      prices: Object.fromEntries([...store.latest].map(([symbol, { close }]) => [symbol, close])),
      nextHandover: this.handover.timeUntilNext(),
      alerts: this.alerts.status(),
      isCurrent: this.#heard.size === SYMBOLS.length,
      ...this.#counts,
    };
  }
}

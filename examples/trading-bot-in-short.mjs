// A trading bot with heartbeat, protected calls and ordered shutdown in one file. `npm run demo` is the full version.
import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CircuitOpenError, GracefulShutdown, Heartbeat, resilient } from "@kstlib/resilience";

const stateFile = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "trading-bot-")), "tradingbot.heartbeat");
const closed = [];

class TradingBot {
  trades = 0;
  skipped = 0;
  // Liveness for an external monitor.
  heartbeat = new Heartbeat({ stateFile, interval: 10, metadata: { version: "1.0.0" } });
  exchange = resilient({
    name: "exchange-api",
    totalTimeout: "1s",
    retry: { attempts: 2, delay: "10ms" },
    circuitBreaker: { maxFailures: 4, resetTimeout: 30 },
    timeout: "400ms", // of each attempt
  });
  shutdown = new GracefulShutdown();

  constructor() {
    this.shutdown.register("positions", () => this.closePositions(), { priority: 10 }); // First
    this.shutdown.register("connections", () => this.cleanup(), { priority: 50 }); // Then
    this.shutdown.register("heartbeat", () => this.heartbeat.stop(), { priority: 100 }); // Last
  }

  async closePositions() {
    closed.push("positions");
  }

  cleanup() {
    closed.push("connections");
  }

  /** One step of the trading loop. */
  async processTrades() {
    try {
      await this.exchange.call(async () => {
        if (this.trades === 5) throw new Error("the exchange is down");
        this.trades++;
      });
    } catch (error) {
      if (error instanceof CircuitOpenError) this.skipped++;
    }
    await sleep(10);
  }

  async run() {
    this.heartbeat.start();
    this.shutdown.install();
    try {
      while (!this.shutdown.isShuttingDown) await this.processTrades();
    } finally {
      await this.shutdown.trigger();
    }
  }
}

const bot = new TradingBot();
// As `kill <pid>` would, without a second terminal.
setTimeout(() => void bot.shutdown.trigger("SIGTERM"), 300);
await bot.run();

const state = await Heartbeat.readState(stateFile);
fs.rmSync(path.dirname(stateFile), { recursive: true });
console.log(
  `${bot.trades} trades, then the circuit was ${bot.exchange.circuitBreaker.state}: ${bot.skipped > 0 ? "steps" : "no step"} skipped`,
);
console.log(`closed in order: ${closed.join(", ")}; the heartbeat says ${state?.status}`);

assert.equal(bot.trades, 5);
assert.equal(bot.exchange.circuitBreaker.state, "open");
assert.deepEqual(closed, ["positions", "connections"]);
assert.equal(state?.status, "stopped");

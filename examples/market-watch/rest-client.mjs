// @ts-check
// The exchange's candles by time, for the gaps of the stream: each request goes through the pipeline "candles" of
// kstlib.conf.yml, which limits, retries and breaks the circuit.
import { isRefusal, retryAfterSeconds } from "@kstlib/resilience";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * @typedef {import("./candle-store.mjs").Candle} Candle
 * @typedef {import("./candle-store.mjs").Gap} Gap
 * @typedef {import("./candle-store.mjs").CandleStore} CandleStore
 */

/** The longest wait before a gap is asked for again, in seconds. */
const LONGEST_WAIT = 0.5;

/** An answer other than 200; a retry waits as long as `retryAfter` says. */
class AnswerError extends Error {
  /** @param {Response} response */
  constructor(response) {
    super(`status ${response.status}`);
    this.retryAfter = retryAfterSeconds(response);
  }
}

export class GapFiller {
  counts = { gaps: 0, filled: 0, candles: 0, requests: 0 };
  /** The gaps that are not filled yet. @type {Set<Gap>} */
  open = new Set();
  #base;
  #pipeline;
  #store;
  #signal;
  #onFilled;

  /**
   * @param {{ base: string, pipeline: import("@kstlib/resilience").Pipeline, store: CandleStore, signal: AbortSignal,
   *   onFilled: (gap: Gap) => void }} parts `signal` ends all filling
   */
  constructor({ base, pipeline, store, signal, onFilled }) {
    this.#base = base;
    this.#pipeline = pipeline;
    this.#store = store;
    this.#signal = signal;
    this.#onFilled = onFilled;
  }

  /** Asks for what is missing until nothing is, however often the exchange fails. @param {Gap} gap */
  async fill(gap) {
    this.counts.gaps++;
    this.open.add(gap);
    for (let rest = this.#store.missing(gap); rest !== undefined; rest = this.#store.missing(gap)) {
      if (this.#signal.aborted) return;
      const asked = rest;
      try {
        const candles = await this.#pipeline.execute(({ signal }) => this.#ask(asked, signal), {
          signal: this.#signal,
        });
        this.counts.candles += candles.length;
        this.#store.fromRest(candles);
      } catch (error) {
        if (this.#signal.aborted) return;
        const wait = isRefusal(error) ? (error.retryAfter ?? LONGEST_WAIT) : LONGEST_WAIT;
        await sleep(Math.min(wait, LONGEST_WAIT) * 1000);
      }
    }
    this.open.delete(gap);
    this.counts.filled++;
    this.#onFilled(gap);
  }

  /** @param {Gap} gap @param {AbortSignal} signal @returns {Promise<Candle[]>} the first ones; an answer has only so many */
  async #ask({ symbol, from, to }, signal) {
    this.counts.requests++;
    const query = new URLSearchParams({ symbol, startTime: String(from), endTime: String(to) });
    const response = await fetch(`${this.#base}/klines?${query}`, { signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw new AnswerError(response);
    }
    const rows = /** @type {[number, string][]} */ (await response.json());
    return rows.map(([time, close]) => ({ symbol, time, close: Number(close) }));
  }
}

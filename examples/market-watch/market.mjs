// @ts-check
// The market itself: candles of all symbols on a grid of the wall clock, none left out however late the timer is.
import { CANDLE_MS, SYMBOLS } from "./settings.mjs";

/** @typedef {{ symbol: string, time: number, close: number }} Candle `time` is when it opened */

/** @type {Record<string, number>} */
const FIRST_PRICE = { BTCUSDT: 64_000, ETHUSDT: 3_100 };

export class Market {
  /** All that have been closed, by symbol and time. @type {Map<string, Map<number, Candle>>} */
  history = new Map(SYMBOLS.map((symbol) => [symbol, new Map()]));
  #onCandle;
  #next = Math.ceil(Date.now() / CANDLE_MS) * CANDLE_MS;
  #timer;

  /** @param {(candle: Candle) => void} onCandle called for each candle when it is closed */
  constructor(onCandle) {
    this.#onCandle = onCandle;
    this.#timer = setInterval(() => this.#close(), CANDLE_MS / 4);
  }

  /** No candle is closed any more. */
  stop() {
    clearInterval(this.#timer);
  }

  /** Those of one symbol that opened between two times, both included. @param {string} symbol @param {number} from @param {number} to @param {number} most */
  between(symbol, from, to, most) {
    const candles = this.history.get(symbol);
    const found = [];
    const first = Math.ceil(from / CANDLE_MS) * CANDLE_MS;
    for (let time = first; time <= to && found.length < most && time < this.#next; time += CANDLE_MS) {
      const candle = candles?.get(time);
      if (candle !== undefined) found.push(candle);
    }
    return found;
  }

  #close() {
    for (; this.#next + CANDLE_MS <= Date.now(); this.#next += CANDLE_MS) {
      for (const [symbol, candles] of this.history) {
        const last = candles.get(this.#next - CANDLE_MS)?.close ?? FIRST_PRICE[symbol] ?? 1;
        const close = Number((last * (1 + (Math.random() - 0.5) / 500)).toFixed(2));
        const candle = { symbol, time: this.#next, close };
        candles.set(candle.time, candle);
        this.#onCandle(candle);
      }
    }
  }
}

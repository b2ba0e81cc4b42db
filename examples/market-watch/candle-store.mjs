// @ts-check
// The candles that are known, in a file with a line for each, so that they survive the process. A candle is stored once.
import fs from "node:fs";
import { CANDLE_MS, SYMBOLS } from "./settings.mjs";

/**
 * @typedef {{ symbol: string, time: number, close: number }} Candle
 * @typedef {{ symbol: string, from: number, to: number }} Gap the times of its first and its last candle
 */

/** The candles of a store's file. @param {string} file @returns {(Candle & { via: "stream" | "rest" })[]} */
export function readCandles(file) {
  const lines = fs.readFileSync(file, "utf8").split("\n");
  // After the last newline is nothing, or what a process that was killed could not finish.
  return lines.slice(0, -1).map((line) => JSON.parse(line));
}

export class CandleStore {
  /** `known`: REST had it as well. `streamTwice`: the stream delivered it twice. */
  counts = { stream: 0, rest: 0, known: 0, streamTwice: 0 };
  /** The latest candle of each symbol. @type {Map<string, Candle>} */
  latest = new Map();
  /** How each came. @type {Map<string, "stream" | "rest">} */
  #known = new Map();
  #file;

  /** @param {string} file */
  constructor(file) {
    const found = fs.existsSync(file) ? readCandles(file) : [];
    for (const { via, ...candle } of found) this.#remember(candle, via);
    // Without a line that was cut off.
    fs.writeFileSync(file, found.map((candle) => `${JSON.stringify(candle)}\n`).join(""));
    this.#file = fs.openSync(file, "a");
  }

  get size() {
    return this.#known.size;
  }

  /** Stores a candle of the stream, and returns the gap before it if there is one. @param {Candle} candle @returns {Gap | undefined} */
  fromStream(candle) {
    const before = this.latest.get(candle.symbol)?.time;
    this.#store(candle, "stream");
    if (before === undefined || candle.time <= before + CANDLE_MS) return undefined;
    return { symbol: candle.symbol, from: before + CANDLE_MS, to: candle.time - CANDLE_MS };
  }

  /** @param {readonly Candle[]} candles */
  fromRest(candles) {
    for (const candle of candles) this.#store(candle, "rest");
  }

  /** The candles of a gap that are missing still, as a gap without those at its ends. @param {Gap} gap @returns {Gap | undefined} */
  missing({ symbol, from, to }) {
    const times = [];
    for (let time = from; time <= to; time += CANDLE_MS) {
      if (!this.#known.has(`${symbol} ${time}`)) times.push(time);
    }
    const [first] = times;
    return first === undefined ? undefined : { symbol, from: first, to: times.at(-1) ?? first };
  }

  /** What is missing between the first and the last candle of each symbol, after a restart for example. @returns {Gap[]} */
  gaps() {
    const firsts = new Map();
    for (const id of this.#known.keys()) {
      const [symbol, time] = id.split(" ");
      firsts.set(symbol, Math.min(firsts.get(symbol) ?? Infinity, Number(time)));
    }
    return SYMBOLS.flatMap((symbol) => {
      const from = firsts.get(symbol);
      const to = this.latest.get(symbol)?.time;
      if (from === undefined || to === undefined) return [];
      return this.missing({ symbol, from, to }) ?? [];
    });
  }

  close() {
    fs.closeSync(this.#file);
  }

  /** @param {Candle} candle @param {"stream" | "rest"} via */
  #store(candle, via) {
    const known = this.#known.get(`${candle.symbol} ${candle.time}`);
    if (known !== undefined) {
      if (via === "stream" && known === "stream") this.counts.streamTwice++;
      else this.counts.known++;
      return;
    }
    fs.writeSync(this.#file, `${JSON.stringify({ ...candle, via })}\n`);
    this.#remember(candle, via);
    this.counts[via]++;
  }

  /** @param {Candle} candle @param {"stream" | "rest"} via */
  #remember(candle, via) {
    this.#known.set(`${candle.symbol} ${candle.time}`, via);
    if (candle.time >= (this.latest.get(candle.symbol)?.time ?? 0)) this.latest.set(candle.symbol, candle);
  }
}

// @ts-check
// Reads what the exchange's stream sends. It comes from outside: whatever it is, it is data, and nothing is thrown.
import { CANDLE_MS, SYMBOLS } from "./settings.mjs";

/**
 * @typedef {{ kind: "candle", candle: import("./candle-store.mjs").Candle } | { kind: "trade", id: number }
 *   | { kind: "notice", text: string } | { kind: "answer" } | { kind: "garbage" }} Message
 */

const GARBAGE = Object.freeze({ kind: "garbage" });

/** @param {string | ArrayBuffer} data @returns {any} */
function parse(data) {
  if (typeof data !== "string") return undefined;
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}

/** @param {any} message @returns {Message} */
function readCandle({ s: symbol, k }) {
  const time = k?.t;
  const close = Number(k?.c);
  const isCandle =
    SYMBOLS.includes(symbol) && Number.isSafeInteger(time) && time % CANDLE_MS === 0 && close > 0;
  return isCandle ? { kind: "candle", candle: { symbol, time, close } } : GARBAGE;
}

/** @param {string | ArrayBuffer} data @returns {Message} */
export function read(data) {
  const message = parse(data);
  if (message?.e === "kline") return readCandle(message);
  if (message?.e === "trade" && Number.isSafeInteger(message.t)) return { kind: "trade", id: message.t };
  if (message?.e === "notice" && typeof message.text === "string") {
    return { kind: "notice", text: message.text };
  }
  return message?.result === null ? { kind: "answer" } : GARBAGE;
}

/** What identifies a message, so that of two connections it is read once. @param {string | ArrayBuffer} data */
export function keyOf(data) {
  const message = read(data);
  if (message.kind === "candle") return `${message.candle.symbol} ${message.candle.time}`;
  return message.kind === "trade" ? `trade ${message.id}` : undefined;
}

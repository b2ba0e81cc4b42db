// @ts-check
// What happens, in order: to the exchange, and to the program itself. A phase lasts as long as it says, and longer until what
// it shows has been seen.

/**
 * @typedef {"none" | "handover" | "burst" | "garbage" | "broken frame" | "silence" | "half-open" | "close" | "refused"
 *   | "rest errors" | "stopped" | "poison" | "killed"} Fault
 * @typedef {{ fault: Fault, title: string, tells: string, seconds: number, of?: string }} Phase `of` says whose it is, if not the exchange's
 */

/** Each with its seconds: in a minute, and fast. @type {[Fault, string, string, number, number, string?][]} */
const PHASES = [
  // Until the next planned reconnect: demo.mjs sets its length.
  ["none", "all is well", "candles of two symbols, five a second each", 5, 2.5],
  ["handover", "planned reconnect", "the next connection opens before the old one ends", 2.5, 1.8],
  ["burst", "rush", "2,000 trades at once", 3, 0.3],
  ["garbage", "garbage", "messages that are none", 3, 0.3],
  ["broken frame", "broken frame", "bytes that no WebSocket may send", 3, 0.3],
  ["silence", "silence", "pings are answered, and nothing else comes", 4, 0.9],
  ["half-open", "half-open", "it is open, and nobody is at the other end", 4, 0.4],
  ["close", "normal close", "code 1000, as if that were the end", 3, 0.3],
  ["refused", "refused handshakes", "503 for each connection, 500 from REST", 4, 1.2],
  ["rest errors", "REST is down", "the stream is back; its gap cannot be filled yet", 4, 0.3],
  ["none", "well again", "the circuit closes, the gap is filled", 3, 0.2],
  ["stopped", "stopped", "SIGSTOP: it is there, and does nothing", 5, 2.5, "Program"],
  ["none", "it goes on", "SIGCONT: what it missed is read, or filled by REST", 3, 0.2, "Program"],
  ["poison", "frozen", "a message carries a text that freezes it", 5, 1.7, "Program"],
  ["killed", "killed", "SIGKILL: it cannot say anything any more", 4, 0.3, "Program"],
  ["none", "started again", "it finds what it missed, and fills it", 4, 0.2, "Program"],
];

/** About a minute, or 15 to 20 seconds when `fast`. @param {boolean} fast @returns {Phase[]} */
export function schedule(fast) {
  return PHASES.map(([fault, title, tells, long, short, of]) => ({
    fault,
    title,
    tells,
    seconds: fast ? short : long,
    ...(of === undefined ? {} : { of }),
  }));
}

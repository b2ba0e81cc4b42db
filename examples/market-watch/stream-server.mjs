// @ts-check
// The exchange's stream: a WebSocket server whose connections can be harmed, and which counts what it hands to them.
import { WebSocketServer } from "ws";
import { YOUNG_MS } from "./settings.mjs";

/**
 * @typedef {import("./market.mjs").Candle} Candle
 * @typedef {{ socket: import("ws").WebSocket, opened: number, topics: Set<string>, silent: boolean }} Connection
 */

const BURST = 2000;
/** What no client should have to expect, and each gets sooner or later. */
const GARBAGE = [
  "",
  "<html><body>502 Bad Gateway</body></html>",
  '{"e":"kline","s":"BTCUSDT","k":{"t":',
  "null",
  "[[[[]]]]",
  '{"e":"kline"}',
  '{"e":"kline","s":"BTCUSDT","k":{"t":"yesterday","c":"NaN","x":true}}',
  '{"e":"kline","s":"__proto__","k":{"t":0,"c":"1","x":true}}',
  '{"e":"kline","s":"BTCUSDT","k":{"t":1e300,"c":"1","x":true}}',
  Buffer.from([0, 255, 254, 128]),
  `"${"x".repeat(100_000)}"`,
];

export class StreamServer {
  counts = {
    opened: 0,
    refused: 0,
    closedByClient: 0,
    closedByMaintenance: 0,
    candles: 0,
    doubled: 0,
    trades: 0,
    garbage: 0,
    notices: 0,
  };
  /** The first candle of each symbol that was sent to a client. @type {Map<string, number>} */
  first = new Map();
  refuses = false;
  /** @type {Set<Connection>} */
  #connections = new Set();
  #server;
  #trade = 0;

  /** @param {import("node:http").Server} http */
  constructor(http) {
    this.#server = new WebSocketServer({ noServer: true });
    http.on("upgrade", (request, socket, head) => {
      socket.on("error", () => socket.destroy());
      if (this.refuses) {
        this.counts.refused++;
        socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        return;
      }
      this.#server.handleUpgrade(request, socket, head, (client) => this.#open(client));
    });
  }

  /** How many connections serve a client. */
  get subscribed() {
    return [...this.#connections].filter(({ topics, silent }) => topics.size > 0 && !silent).length;
  }

  /** @param {Candle} candle */
  candle({ symbol, time, close }) {
    const topic = `${symbol.toLowerCase()}@kline`;
    const text = JSON.stringify({ e: "kline", s: symbol, k: { t: time, c: String(close), x: true } });
    const clients = this.#send(topic, text);
    if (clients > 0 && !this.first.has(symbol)) this.first.set(symbol, time);
    if (clients > 0) this.counts.candles++;
    if (clients > 1) this.counts.doubled++;
  }

  /** A rush: as many trades at once as there are in a quiet hour. */
  burst() {
    for (let count = 0; count < BURST; count++) {
      const text = JSON.stringify({ e: "trade", s: "BTCUSDT", t: ++this.#trade, p: "64000.00" });
      if (this.#send("btcusdt@trade", text) > 0) this.counts.trades++;
    }
  }

  garbage() {
    for (const text of GARBAGE) if (this.#send("btcusdt@kline", text) > 0) this.counts.garbage++;
  }

  /** A frame that no WebSocket may send: its connection cannot go on. */
  brokenFrame() {
    for (const { socket } of this.#connections) {
      // @ts-expect-error: ws has no way to send a wrong frame, so it goes to the TCP connection below.
      socket._socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    }
  }

  /** A text that is expensive to read. @param {string} text */
  notice(text) {
    if (this.#send("btcusdt@kline", JSON.stringify({ e: "notice", text })) > 0) this.counts.notices++;
  }

  /** The connections stay open and answer pings, and send nothing any more. */
  silence() {
    for (const connection of this.#connections) connection.silent = true;
  }

  /** As after a lost route: nothing is read, answered or sent, and the other side is not told. */
  halfOpen() {
    for (const connection of this.#connections) {
      connection.silent = true;
      connection.socket.pause();
    }
  }

  /** @param {number} code @param {string} reason */
  close(code, reason) {
    for (const { socket } of this.#connections) socket.close(code, reason);
  }

  /** Closes all connections but young ones. */
  maintain() {
    for (const { socket, opened } of this.#connections) {
      if (Date.now() - opened < YOUNG_MS || socket.readyState !== socket.OPEN) continue;
      this.counts.closedByMaintenance++;
      socket.close(1001, "maintenance");
    }
  }

  /** @param {string} topic @param {string | Buffer} text @returns {number} how many connections took it */
  #send(topic, text) {
    let clients = 0;
    for (const { socket, topics, silent } of this.#connections) {
      if (silent || !topics.has(topic) || socket.readyState !== socket.OPEN) continue;
      socket.send(text);
      clients++;
    }
    return clients;
  }

  /** @param {import("ws").WebSocket} socket */
  #open(socket) {
    /** @type {Connection} */
    const connection = { socket, opened: Date.now(), topics: new Set(), silent: false };
    this.#connections.add(connection);
    this.counts.opened++;
    socket.on("message", (/** @type {Buffer} */ data) => this.#request(connection, String(data)));
    socket.on("error", () => socket.terminate());
    socket.on("close", (code) => {
      this.#connections.delete(connection);
      if (code === 1000) this.counts.closedByClient++;
    });
  }

  /** @param {Connection} connection @param {string} text */
  #request({ socket, topics }, text) {
    const { method, params, id } = JSON.parse(text);
    for (const topic of params) {
      if (method === "SUBSCRIBE") topics.add(topic);
      else topics.delete(topic);
    }
    socket.send(JSON.stringify({ result: null, id }));
  }
}

// @ts-check
// Where alerts arrive: an incoming webhook of the shape of Slack's, on loopback. It asks for a pause once and fails once, as
// such services do, and remembers what it has accepted.
import http from "node:http";

/** @typedef {{ sender: string, title: string, count: number }} Received a message, and how many alerts it stands for */

/** Which requests of each sender are not accepted, and how they are answered. @type {Map<number, [number, http.OutgoingHttpHeaders]>} */
const REFUSED = new Map([
  [2, [429, { "Retry-After": "1" }]],
  [5, [500, {}]],
]);

export class Webhook {
  counts = { requests: 0, throttled: 0, failed: 0, duringPause: 0 };
  #onAlert;
  /** By sender. @type {Map<string, { requests: number, pausedUntil: number }>} */
  #senders = new Map();
  #server = http.createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => this.#serve(request.url ?? "", body, response));
  });

  /** @param {(alert: Received) => void} onAlert called with what was accepted */
  constructor(onAlert) {
    this.#onAlert = onAlert;
  }

  /** @returns {Promise<string>} the URL, to which a sender adds a slash and its name */
  listen() {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, "127.0.0.1", () => {
        const address = this.#server.address();
        if (address !== null && typeof address === "object") {
          resolve(`http://127.0.0.1:${address.port}/services`);
        }
      });
    });
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  /** @param {string} path @param {string} body @param {http.ServerResponse} response */
  #serve(path, body, response) {
    const name = path.split("/").at(-1) ?? "";
    const sender = this.#senders.get(name) ?? { requests: 0, pausedUntil: 0 };
    this.#senders.set(name, sender);
    this.counts.requests++;
    sender.requests++;
    if (performance.now() < sender.pausedUntil) this.counts.duringPause++;
    const [status, headers] = REFUSED.get(sender.requests) ?? [200, {}];
    if (status === 429) {
      this.counts.throttled++;
      sender.pausedUntil = performance.now() + Number(headers["Retry-After"]) * 1000;
    }
    if (status === 500) this.counts.failed++;
    if (status === 200) {
      const [title = ""] = String(JSON.parse(body).text).split("\n");
      // A message that stands for several alerts says so at the end of its title.
      const [, count = 1] = / × (\d+)$/.exec(title) ?? [];
      this.#onAlert({ sender: name, title, count: Number(count) });
    }
    response.writeHead(status, headers);
    response.end(status === 200 ? "ok" : "not now");
  }
}

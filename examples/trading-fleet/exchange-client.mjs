// @ts-check
// A bot's connection to the exchange: HTTP over kept-alive sockets.
import http from "node:http";
import { now, REQUEST_TIMEOUT_MS } from "./settings.mjs";

export class ExchangeClient {
  /** `sent` is the sum of the others. */
  counts = { sent: 0, answered: 0, failed: 0, noAnswer: 0 };
  #agent = new http.Agent({ keepAlive: true });
  #bot;
  #port;

  /** @param {string} bot @param {number} port */
  constructor(bot, port) {
    this.#bot = bot;
    this.#port = port;
  }

  close() {
    this.#agent.destroy();
  }

  /** Looks at a price. @param {number} asked when the bot asked for the token of this request @param {number} granted when it had it */
  async look(asked, granted) {
    const headers = { "X-Call": `${this.#bot} ${asked} ${granted} ${now()}` };
    this.counts.sent++;
    let status;
    try {
      status = await this.#send(headers);
    } catch (error) {
      this.counts.noAnswer++;
      throw error;
    }
    this.counts[status === 200 ? "answered" : "failed"]++;
    if (status !== 200) throw new Error(`status ${status}`);
  }

  /** @param {http.OutgoingHttpHeaders} headers @returns {Promise<number | undefined>} */
  #send(headers) {
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: this.#port, agent: this.#agent, headers };
      const request = http.get(options, (response) => {
        response.resume();
        response.on("error", reject);
        response.on("end", () => resolve(response.statusCode));
      });
      request.on("error", reject);
      const giveUp = setTimeout(() => {
        request.destroy(new Error(`no answer within ${REQUEST_TIMEOUT_MS} ms`));
      }, REQUEST_TIMEOUT_MS);
      request.on("close", () => clearTimeout(giveUp));
    });
  }
}

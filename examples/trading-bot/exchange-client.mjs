// @ts-check
// The bot's connection to the exchange: HTTP over kept-alive sockets, one error class for each way to fail.
import http from "node:http";
import { retryAfterSeconds } from "@kstlib/resilience";

/** The exchange asks for a pause; that is not a failure. A retry waits at least as long as `retryAfter` says. */
export class ThrottledError extends Error {
  /** @override */
  name = "ThrottledError";

  /** @param {number} retryAfter seconds */
  constructor(retryAfter) {
    super(`429, Retry-After: ${retryAfter}`);
    this.retryAfter = retryAfter;
  }
}

/** No connection: refused, or closed before the request was read. */
export class ConnectionError extends Error {
  /** @override */
  name = "ConnectionError";
}

/** Answered with a status that reports a failure of the exchange. */
export class ExchangeError extends Error {
  /** @override */
  name = "ExchangeError";
}

/** What a pipeline passes: its signal ends the request. @typedef {import("@kstlib/resilience").ExecutionContext} Context */

export class ExchangeClient {
  /** How the requests ended; `sent` is the sum of the others. */
  counts = { sent: 0, answered: 0, noAnswer: 0, notDelivered: 0 };
  /** The latency of the last request that was answered. */
  latencyMs = 0;
  #agent = new http.Agent({ keepAlive: true });
  #port;

  /** @param {number} port */
  constructor(port) {
    this.#port = port;
  }

  /** @param {string} symbol @param {Context} context @returns {Promise<{ symbol: string, price: number, notice?: string }>} */
  ticker(symbol, context) {
    return this.#ask(context, "GET", `/ticker?symbol=${encodeURIComponent(symbol)}`);
  }

  /** @param {{ id: string, symbol: string, side: string }} order @param {Context} context @returns {Promise<{ id: string, repeated?: boolean }>} */
  order(order, context) {
    return this.#ask(context, "POST", "/orders", order);
  }

  close() {
    this.#agent.destroy();
  }

  /** @param {Context} context @param {string} method @param {string} path @param {object} [content] */
  async #ask(context, method, path, content) {
    const started = performance.now();
    const { status, retryAfter, text } = await this.#exchange(context, method, path, content);
    this.latencyMs = performance.now() - started;
    if (status === 429) throw new ThrottledError(retryAfter);
    if (status !== 200) throw new ExchangeError(`status ${status}`);
    return JSON.parse(text);
  }

  /** @param {Context} context @param {string} method @param {string} path @param {object | undefined} content */
  async #exchange({ signal, attempt }, method, path, content) {
    // The exchange counts retries, too.
    const headers = { "X-Attempt": attempt };
    this.counts.sent++;
    try {
      const answer = await send(
        { host: "127.0.0.1", port: this.#port, agent: this.#agent, method, path, headers, signal },
        content === undefined ? "" : JSON.stringify(content),
      );
      this.counts.answered++;
      return answer;
    } catch (error) {
      if (signal.aborted) {
        this.counts.noAnswer++;
        throw signal.reason;
      }
      this.counts.notDelivered++;
      const code = error instanceof Error && "code" in error ? error.code : error;
      throw new ConnectionError(String(code), { cause: error });
    }
  }
}

/**
 * @param {http.RequestOptions} options @param {string} content
 * @returns {Promise<{ status: number | undefined, retryAfter: number, text: string }>}
 */
function send(options, content) {
  return new Promise((resolve, reject) => {
    const request = http.request(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode, retryAfter: retryAfterSeconds(response) ?? 1, text });
      });
    });
    request.on("error", reject);
    request.end(content);
  });
}

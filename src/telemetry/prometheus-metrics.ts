import { Collector } from "./collector.js";
import { prometheusText } from "./prometheus-text.js";
import { add } from "./series.js";
import { Containment } from "./subscribe.js";

/** The part of a request of `node:http` that a handler reads. */
export interface MetricsRequest {
  readonly method?: string | undefined;
}

/** The part of a response of `node:http` that a handler uses. */
export interface MetricsResponse {
  writeHead(status: number, headers: Readonly<Record<string, string | number>>): unknown;
  end(body?: string): unknown;
}

/** Answers a request with the metrics. */
export type MetricsHandler = (request: MetricsRequest, response: MetricsResponse) => void;

/** What {@link prometheusMetrics} returns; disposing of it ends the counting. */
export class PrometheusMetrics implements Disposable {
  /** The `Content-Type` of {@link text}. */
  readonly contentType = "text/plain; version=0.0.4; charset=utf-8";
  readonly #collector = new Collector(new Containment("prometheusMetrics"), add);

  /** The metrics as of now, in Prometheus' text format 0.0.4. */
  text(): string {
    this.#collector.readGauges();
    return prometheusText(this.#collector.families);
  }

  /** Answers `GET` and `HEAD`, whatever the path, with `node:http` and Express. */
  handler(): MetricsHandler {
    return ({ method = "GET" }, response) => {
      if (method !== "GET" && method !== "HEAD") {
        response.writeHead(405, { Allow: "GET, HEAD" });
        response.end();
        return;
      }
      const text = this.text();
      const length = Buffer.byteLength(text);
      response.writeHead(200, { "Content-Type": this.contentType, "Content-Length": length });
      if (method === "HEAD") response.end();
      else response.end(text);
    };
  }

  [Symbol.dispose](): void {
    this.#collector[Symbol.dispose]();
  }
}

/**
 * Counts what all components of the process do, for Prometheus. One line at start-up is enough: the state of components is
 * reported whenever they were made, what they do from now on. It has no timer and keeps no component alive.
 *
 * @throws TypeError when it is given options.
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { CircuitBreaker } from "@kstlib/resilience";
 * import { prometheusMetrics } from "@kstlib/resilience/telemetry";
 *
 * using metrics = prometheusMetrics();
 * const server = createServer(metrics.handler()).listen(0);
 *
 * const breaker = new CircuitBreaker({ name: "payments" });
 * await breaker.call(async () => "paid");
 * const line = 'kstlib_resilience_circuit_breaker_calls_total{name="payments",outcome="success"} 1';
 * console.assert(metrics.text().includes(line));
 * server.close();
 * ```
 */
export function prometheusMetrics(...refused: []): PrometheusMetrics;
export function prometheusMetrics(...refused: readonly unknown[]): PrometheusMetrics {
  // Such as those of prom-client, which would be without effect.
  if (refused.length > 0) throw new TypeError("prometheusMetrics has no options, but got some.");
  return new PrometheusMetrics();
}

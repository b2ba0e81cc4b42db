import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { expectTypeOf, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { Health } from "../../src/health/health.js";
import type { HealthCheckResult, HealthReport } from "../../src/health/report.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";

// Only compiled: what a program in strict TypeScript may write, with the types of Node.
const health = new Health({ drainOn: new GracefulShutdown().signal });
health.on("change", (result) => expectTypeOf(result).toEqualTypeOf<HealthCheckResult>());

test("the health handler is a request listener of every server of Node", () => {
  const handler = health.handler();
  http.createServer(handler);
  http.createServer({ keepAlive: true }, handler);
  https.createServer({}, handler);
  http2.createServer(handler);
  http2.createSecureServer({}, handler);
  new http.Server().on("request", handler);
  expectTypeOf(handler).toExtend<http.RequestListener>();
});

test("the health handler is a middleware of Connect and of Express", () => {
  interface Request extends http.IncomingMessage {
    readonly originalUrl: string;
  }
  interface Response extends http.ServerResponse {
    readonly locals: object;
  }
  type Next = (error?: unknown) => void;
  type Middleware<Result> = (request: Request, response: Response, next: Next) => Result;
  const handler = health.handler();
  expectTypeOf(handler).toExtend<Middleware<void>>();
  expectTypeOf(handler).toExtend<Middleware<unknown>>();
  // So in some versions of Express' types; nothing else than `void` fits there.
  expectTypeOf(handler).toExtend<Middleware<void | Promise<void>>>();
});

test("the health handler says whether it has answered, also in front of an application", () => {
  const handler = health.handler();
  http.createServer((request, response) => {
    expectTypeOf(handler(request, response)).toEqualTypeOf<boolean>();
    expectTypeOf(handler(request, response, () => response.end("app"))).toEqualTypeOf<boolean>();
  });
});

test("the answers to probes are reports, and what can be checked is checked", () => {
  expectTypeOf(health.readiness()).toEqualTypeOf<Promise<HealthReport>>();
  expectTypeOf(health.liveness()).toEqualTypeOf<Promise<HealthReport>>();
  expectTypeOf(health.startup()).toEqualTypeOf<Promise<HealthReport>>();
  health.addCheck("circuit", new CircuitBreaker());
  health.addCheck("heartbeat", new Heartbeat());
  health.addCheck("watchdog", new Watchdog(), { for: "liveness" });
  health.addCheck("promise", Promise.resolve(), { for: "startup" });
  health.addCheck("function", ({ signal }) => signal.aborted, { timeout: "2s", for: ["readiness"] });
  // @ts-expect-error: no probe of that name
  health.addCheck("odd", () => true, { for: "ready" });
  // @ts-expect-error: nothing that could be asked
  health.addCheck("odd", { name: "database" });
});

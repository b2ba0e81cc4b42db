import cluster from "node:cluster";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { Worker } from "node:worker_threads";
import fastify from "fastify";
import { Server as SocketServer } from "socket.io";
import { expectTypeOf, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { Heartbeat } from "../../src/heartbeat/heartbeat.js";
import type { ClusterPrimary } from "../../src/shutdown/cluster-workers.js";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";
import type { HealthReport } from "../../src/shutdown/health-report.js";
import { Watchdog } from "../../src/watchdog/watchdog.js";

// Only compiled: what a program in strict TypeScript may write, with the types of Node.
const shutdown = new GracefulShutdown();

test("the health handler is a request listener of every server of Node", () => {
  const handler = shutdown.healthHandler();
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
  const handler = shutdown.healthHandler();
  expectTypeOf(handler).toExtend<Middleware<void>>();
  expectTypeOf(handler).toExtend<Middleware<unknown>>();
  // So in some versions of Express' types; nothing else than `void` fits there.
  expectTypeOf(handler).toExtend<Middleware<void | Promise<void>>>();
});

test("the health handler says whether it has answered, also in front of an application", () => {
  const handler = shutdown.healthHandler();
  http.createServer((request, response) => {
    expectTypeOf(handler(request, response)).toEqualTypeOf<boolean>();
    expectTypeOf(handler(request, response, () => response.end("app"))).toEqualTypeOf<boolean>();
  });
});

test("the answers to probes are reports, and what can be checked is checked", () => {
  expectTypeOf(shutdown.readiness()).toEqualTypeOf<Promise<HealthReport>>();
  expectTypeOf(shutdown.liveness()).toEqualTypeOf<Promise<HealthReport>>();
  expectTypeOf(shutdown.startup()).toEqualTypeOf<Promise<HealthReport>>();
  shutdown.addCheck("circuit", new CircuitBreaker());
  shutdown.addCheck("heartbeat", new Heartbeat());
  shutdown.addCheck("watchdog", new Watchdog(), { for: "liveness" });
  shutdown.addCheck("promise", Promise.resolve(), { for: "startup" });
  shutdown.addCheck("function", ({ signal }) => signal.aborted, { timeout: "2s", for: ["readiness"] });
  // @ts-expect-error: no probe of that name
  shutdown.addCheck("odd", () => true, { for: "ready" });
  // @ts-expect-error: nothing that could be asked
  shutdown.addCheck("odd", { name: "database" });
});

test("what ends the process may be asynchronous, and what a second signal means may be a function", () => {
  const made = [
    new GracefulShutdown({ exit: (code) => process.exit(code) }),
    new GracefulShutdown({ exit: async (code) => process.exit(await Promise.resolve(code)) }),
    new GracefulShutdown({ onSecondSignal: "ignore", repeatGrace: "2s" }),
    new GracefulShutdown({
      onSecondSignal({ signal, first, seconds }) {
        expectTypeOf(seconds).toEqualTypeOf<number>();
        if (signal === first) return "ignore";
        return seconds > 3 ? "exit" : undefined;
      },
    }),
    // @ts-expect-error: no answer
    new GracefulShutdown({ onSecondSignal: () => "never" }),
  ];
  expectTypeOf(made).toEqualTypeOf<GracefulShutdown[]>();
  shutdown.register("hook", ({ error }) => expectTypeOf(error).toEqualTypeOf<unknown>());
  shutdown.on("begin", ({ error }) => expectTypeOf(error).toEqualTypeOf<unknown>());
});

test("servers, workers and clusters are taken as Node types them", () => {
  shutdown.registerServer("http", http.createServer());
  shutdown.registerServer("https", https.createServer());
  shutdown.registerServer("h2c", http2.createServer());
  shutdown.registerServer("h2", http2.createSecureServer());
  shutdown.registerServer("net", net.createServer());
  shutdown.registerServer("fastify", fastify());
  shutdown.registerServer("socket.io", new SocketServer());
  // Nest, whose `close` takes no callback.
  const nest = { close: () => Promise.resolve(), getHttpServer: () => http.createServer() };
  shutdown.registerServer("nest", nest);
  shutdown.registerServer("callback", { close: (done: () => void) => done() });
  shutdown.registerServer("promise", { close: () => Promise.resolve() });
  shutdown.registerServer("optional", { close: (done?: (error?: Error) => void) => done?.() });
  shutdown.registerWorker("thread", new Worker("thread.js"));
  expectTypeOf(cluster).toExtend<ClusterPrimary>();
  shutdown.registerCluster("workers", cluster);
  // @ts-expect-error: it cannot be closed
  shutdown.registerServer("odd", { end: () => {} });
});

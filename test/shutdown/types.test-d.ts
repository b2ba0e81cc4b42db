import cluster from "node:cluster";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { Worker } from "node:worker_threads";
import fastify from "fastify";
import { Server as SocketServer } from "socket.io";
import { expectTypeOf, test } from "vitest";
import type { ClusterPrimary } from "../../src/shutdown/members/cluster-workers.js";
import { GracefulShutdown } from "../../src/shutdown/graceful-shutdown.js";

// Only compiled: what a program in strict TypeScript may write, with the types of Node.
const shutdown = new GracefulShutdown();

test("exit may be asynchronous, and onSecondSignal may be a function", () => {
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

test("servers, workers and clusters are accepted with Node's own types", () => {
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

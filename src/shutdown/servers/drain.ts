import { onAbort } from "../../kernel/abort.js";
import type { Clock, Timer } from "../../kernel/clock.js";
import { formatDuration } from "../../kernel/duration.js";
import { show } from "../../kernel/show.js";
import { patienceOf } from "./connection.js";
import { ShutdownError } from "../errors.js";
import { TrackedServers } from "./tracked-servers.js";
import type { Hook } from "../plan.js";
import { closeServer, type ClosableServer, closeTime, isClosable, type NodeServer } from "./frameworks.js";

/** How often a drain looks for connections that can be ended, in milliseconds. */
const INTERVAL = 50;

/** How soon it looks a second time at those that it would end. */
const SOON = 5;

/** The part of a framework's time that is for its connections; the rest is for its own hooks. */
const CONNECTIONS_SHARE = 2 / 3;

/**
 * Keeps Node, and a framework, from closing idle connections, which a request may be on its way to, until the result is
 * called.
 */
function spareIdle(servers: readonly NodeServer[]): () => void {
  const spared = servers.filter(
    (server) =>
      server.closeIdleConnections !== undefined &&
      !Object.hasOwn(server, "closeIdleConnections") &&
      Reflect.defineProperty(server, "closeIdleConnections", { value: () => {}, configurable: true }),
  );
  return () => {
    for (const server of spared.splice(0)) Reflect.deleteProperty(server, "closeIdleConnections");
  };
}

/** A server of Bun closes idle connections when it closes, spared or not: there it closes after the grace. */
const CUTS_IDLE = process.versions["bun"] !== undefined;

/** A server that is closed when `begin` is called. */
function closeLater(server: ClosableServer, reason: string): { begin: () => void; closed: Promise<void> } {
  let begin = (): void => {};
  const turn = new Promise<void>((resolve) => (begin = resolve));
  return { begin, closed: turn.then(() => closeServer(server, reason)) };
}

/**
 * Tracks the connections of a server from now on, to drain them in its turn. Node's own `close()` leaves sockets open
 * that never sent a request, lets responses in flight promise keep-alive, and closes idle connections that a request
 * is on its way to. Of a framework the servers inside are drained, and its own `close` is called.
 *
 * @param idleGrace how long to wait for such requests, in milliseconds; a quarter of the time at most.
 * @throws TypeError unless `server` has a `close` method.
 */
export function trackServer(
  server: ClosableServer,
  clock: Clock,
  idleGrace: number,
): Pick<Hook, "callback" | "cut" | "release"> {
  if (!isClosable(server)) {
    throw new TypeError(
      `server must have a close method; got ${show(server)}. Of an application without one, as of Express or Koa, give what listen() returns.`,
    );
  }
  const tracked = new TrackedServers(server, clock);

  return {
    async callback({ signal, reason }, time) {
      const began = clock.now();
      const patience = patienceOf(began, time, idleGrace);
      const inner = tracked.look();
      const isFramework = !inner.some((found) => found === server);
      const turn = inner.length === 0 ? "first" : closeTime(server);
      const limit = isFramework ? time * CONNECTIONS_SHARE : Infinity;
      const restoreIdle = spareIdle(inner);
      let timer: Timer | undefined;
      let isCut = false;
      const closings = inner.map((found) => closeLater(found, reason));
      const close = (): void => {
        for (const { begin } of closings) begin();
      };
      const closeIdle = (): void => {
        restoreIdle();
        close();
      };
      const cutAll = (): void => {
        isCut = true;
        closeIdle();
        tracked.cutAll();
        for (const found of inner) found.closeAllConnections?.();
      };
      onAbort(signal, () => {
        timer?.cancel();
        cutAll();
      });
      const framework = isFramework ? closeLater(server, reason) : undefined;
      tracked.adopt();
      if (!CUTS_IDLE) close();
      const drained = closings.map(({ closed }) => closed);
      tracked.drain();
      const look = (): void => {
        const passed = clock.now() - began;
        const isUnsure = tracked.sweep(patience);
        if (passed >= patience.idle) {
          close();
          // To Node a connection is idle, too, while its answer is still being sent.
          if (!tracked.isAnswering) {
            restoreIdle();
            tracked.closeIdle();
          }
        }
        const isTurn = turn === "idle" || !tracked.isAnswering || passed >= time / 2;
        if (turn === "first" || (passed >= patience.idle && isTurn)) framework?.begin();
        if (passed >= limit && !isCut) cutAll();
        timer = clock.setTimer(look, isUnsure ? SOON : INTERVAL, { ref: false });
      };
      look();
      void Promise.allSettled(drained).then(framework?.begin);
      const all = framework === undefined ? drained : [...drained, framework.closed];
      // Waits for all even when one fails: the others may still be answering.
      const outcomes = await Promise.allSettled(all);
      timer?.cancel();
      restoreIdle();
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
      const unfinished = tracked.cut?.unfinished;
      if (unfinished !== undefined) {
        const seconds = formatDuration(Math.round(limit / 100) / 10);
        throw new ShutdownError(
          "ERR_SHUTDOWN_TIMEOUT",
          `connections that were not finished within ${seconds}: ${unfinished}.`,
        );
      }
    },
    cut: () => tracked.cut,
    release: () => tracked.release(),
  };
}

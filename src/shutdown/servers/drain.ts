import { onAbort } from "../../kernel/abort.js";
import type { Clock, Timer } from "../../kernel/clock.js";
import { formatDuration } from "../../kernel/duration.js";
import { show } from "../../kernel/show.js";
import { ShutdownError } from "../errors.js";
import type { Hook } from "../plan.js";
import { type Patience, patienceOf } from "./connection.js";
import {
  type ClosableServer,
  closeServer,
  type CloseTime,
  closeTime,
  isClosable,
  type NodeServer,
} from "./frameworks.js";
import { TrackedServers } from "./tracked-servers.js";

/** How often a drain looks for connections that can be ended, in milliseconds. */
const INTERVAL = 50;

/** How soon it checks a second time the connections that it would end, in milliseconds. */
const SOON = 5;

/** The part of a framework's time for its connections; the rest is for its hooks. */
const CONNECTIONS_SHARE = 2 / 3;

/**
 * Keeps Node and a framework from closing idle connections, for which a request may be on its way, until the result is
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

/** A server of Bun always closes idle connections when it closes, so there it closes after the grace. */
const CUTS_IDLE = process.versions["bun"] !== undefined;

/** A server that is closed when `begin` is called. */
interface Closing {
  readonly begin: () => void;
  readonly closed: Promise<void>;
}

function closeLater(server: ClosableServer, reason: string): Closing {
  let begin = (): void => {};
  const turn = new Promise<void>((resolve) => (begin = resolve));
  return { begin, closed: turn.then(() => closeServer(server, reason)) };
}

/** One drain, of a server or of a framework and the servers in it. */
class Drain {
  readonly #tracked: TrackedServers;
  readonly #clock: Clock;
  readonly #time: number;
  readonly #patience: Patience;
  readonly #servers: readonly NodeServer[];
  readonly #closings: readonly Closing[];
  readonly #framework: Closing | undefined;
  /** When the framework is closed. */
  readonly #turn: CloseTime;
  /** When the connections are cut off: those of a framework leave time for its hooks. */
  readonly #limit: number;
  readonly #restoreIdle: () => void;
  #timer: Timer | undefined;
  #isCut = false;

  constructor(
    server: ClosableServer,
    tracked: TrackedServers,
    clock: Clock,
    idleGrace: number,
    time: number,
    reason: string,
  ) {
    this.#tracked = tracked;
    this.#clock = clock;
    this.#time = time;
    this.#patience = patienceOf(clock.now(), time, idleGrace);
    this.#servers = tracked.look();
    const isFramework = !this.#servers.some((found) => found === server);
    this.#closings = this.#servers.map((found) => closeLater(found, reason));
    this.#framework = isFramework ? closeLater(server, reason) : undefined;
    this.#turn = this.#servers.length === 0 ? "first" : closeTime(server);
    this.#limit = isFramework ? time * CONNECTIONS_SHARE : Infinity;
    this.#restoreIdle = spareIdle(this.#servers);
  }

  /** Resolves when all connections are closed; when `signal` aborts, those that are left are cut off. */
  async run(signal: AbortSignal): Promise<void> {
    onAbort(signal, () => {
      this.#timer?.cancel();
      this.#cutAll();
    });
    this.#tracked.adopt();
    if (!CUTS_IDLE) this.#close();
    this.#tracked.drain();
    this.#look();
    const closed = this.#closings.map((closing) => closing.closed);
    void Promise.allSettled(closed).then(this.#framework?.begin);
    if (this.#framework !== undefined) closed.push(this.#framework.closed);
    // Waits for all even when one fails: the others may still be answering.
    const outcomes = await Promise.allSettled(closed);
    this.#timer?.cancel();
    this.#restoreIdle();
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    const unfinished = this.#tracked.cut?.unfinished;
    if (unfinished === undefined) return;
    const seconds = formatDuration(Math.round(this.#limit / 100) / 10);
    throw new ShutdownError(
      "ERR_SHUTDOWN_TIMEOUT",
      `connections that were not finished within ${seconds}: ${unfinished}.`,
    );
  }

  /** Ends the connections that can be ended now, and checks again soon. */
  #look(): void {
    const passed = this.#clock.now() - this.#patience.since;
    const isUnsure = this.#tracked.sweep(this.#patience);
    const { isAnswering } = this.#tracked;
    const isGraceOver = passed >= this.#patience.idle;
    if (isGraceOver) {
      this.#close();
      // For Node a connection is idle even while its response is still being sent.
      if (!isAnswering) {
        this.#restoreIdle();
        this.#tracked.closeIdle();
      }
    }
    const isTurn = this.#turn === "idle" || !isAnswering || passed >= this.#time / 2;
    if (this.#turn === "first" || (isGraceOver && isTurn)) this.#framework?.begin();
    if (passed >= this.#limit && !this.#isCut) this.#cutAll();
    this.#timer = this.#clock.setTimer(() => this.#look(), isUnsure ? SOON : INTERVAL, { ref: false });
  }

  #close(): void {
    for (const { begin } of this.#closings) begin();
  }

  #cutAll(): void {
    this.#isCut = true;
    this.#restoreIdle();
    this.#close();
    this.#tracked.cutAll();
    for (const server of this.#servers) server.closeAllConnections?.();
  }
}

/**
 * Tracks the connections of a server from now on, to drain them in its turn. Node's own `close()` leaves sockets open
 * that never sent a request, lets responses in flight promise keep-alive, and closes idle connections that a request
 * is on its way to. For a framework, the servers in it are drained and its own `close` is called.
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
      `server must have a close method; got ${show(server)}. For an application without one, as in Express or Koa, pass what listen() returns.`,
    );
  }
  const tracked = new TrackedServers(server, clock);
  return {
    callback: ({ signal, reason }, time) =>
      new Drain(server, tracked, clock, idleGrace, time, reason).run(signal),
    cut: () => tracked.cut,
    release: () => tracked.release(),
  };
}

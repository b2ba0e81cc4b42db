/** The argument of a callback. */
export interface ShutdownContext {
  /** Aborts when the callback's time is up; its result is ignored from then on. */
  readonly signal: AbortSignal;
  /** Why the process shuts down: a signal's name, the reason passed to `trigger`, or `"uncaughtException"`. */
  readonly reason: string;
  /** The uncaught error that began the shutdown, or the first that came during it; with `handleUncaught`. */
  readonly error?: unknown;
}

/** A step of the shutdown, synchronous or asynchronous; a promise that it returns is awaited. */
export type ShutdownCallback = (context: ShutdownContext) => unknown;

/**
 * How a callback ended: it finished, it threw or rejected, its time ran out, or the total time was used up
 * before its turn came.
 */
export type ShutdownStatus = "done" | "failed" | "timed-out" | "skipped";

/** How a worker thread, or a worker process of a cluster, ended. */
export interface ShutdownMember {
  /** `"thread 3"` or `"worker 3"`, with Node's id. */
  readonly name: string;
  /** The process id; `null` for a thread. */
  readonly pid: number | null;
  /** `null` if a signal ended it, or if it had not ended when its time was up. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /**
   * `"left"`: it ended by itself. `"dismissed"`: it has no installed shutdown of its own, so a thread was terminated or
   * a process was sent SIGTERM. `"killed"`: it was still there when its time was up.
   */
  readonly fate: "left" | "dismissed" | "killed";
  /** The results of its own callbacks; `null` when it did not send them. */
  readonly results:
    | readonly {
        readonly name: string;
        readonly status: ShutdownStatus;
        readonly seconds: number;
        readonly error: string | null;
      }[]
    | null;
}

/** How many connections of a server were cut off, by their use. */
export interface ShutdownCut {
  /** WebSockets that had not closed 2 s after they were told to. */
  readonly websockets?: number;
  /** Requests whose body had stalled for 5 s. */
  readonly uploads?: number;
  /** Responses that the client had not read from for 5 s. */
  readonly downloads?: number;
  /** Other upgraded connections without traffic for 5 s. */
  readonly tunnels?: number;
  /** All others that were still open when the time of the server was up. */
  readonly unfinished?: number;
}

/** The result of one callback. */
export interface ShutdownResult {
  readonly name: string;
  readonly status: ShutdownStatus;
  /** How long it ran, in seconds. */
  readonly seconds: number;
  /** The error of the callback, an uncaught error of code that it started, or the `ShutdownError` of its timeout. */
  readonly error?: unknown;
  /** The threads or processes of a `registerWorker` or `registerCluster`. */
  readonly members?: readonly ShutdownMember[];
  /** The connections that a server has cut off; missing if there were none. */
  readonly cut?: ShutdownCut;
}

/** The result of a shutdown. */
export interface ShutdownReport {
  readonly reason: string;
  /** The uncaught error that began the shutdown, or the first that came during it; with `handleUncaught`. */
  readonly error?: unknown;
  /** One entry for each callback, in the order of their turns. */
  readonly results: readonly ShutdownResult[];
  /** Seconds from the beginning to the end of the last callback, including `preStopDelay`. */
  readonly seconds: number;
  /** Whether every callback is `"done"`. */
  readonly ok: boolean;
}

/** The payloads of the events of a `GracefulShutdown`. */
export interface ShutdownEvents {
  /** The shutdown has begun; no callback has run yet. */
  readonly begin: { readonly reason: string; readonly error?: unknown };
  /** A callback has ended, or was skipped. */
  readonly callback: { readonly result: ShutdownResult };
  /** All callbacks have ended; the process is still running. */
  readonly complete: { readonly report: ShutdownReport };
}

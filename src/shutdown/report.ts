/** What a callback is given when its turn has come. */
export interface ShutdownContext {
  /** Aborted when the callback's time is up; its result counts no more from then on. */
  readonly signal: AbortSignal;
  /** Why the process shuts down: a signal's name, what `trigger` was given, or `"uncaughtException"`. */
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

/** What became of a worker thread, or of a worker process of a cluster. */
export interface ShutdownMember {
  /** `"thread 3"` or `"worker 3"`, with the id that Node gave it. */
  readonly name: string;
  /** The process id; `null` for a thread. */
  readonly pid: number | null;
  /** `null` when a signal ended it, or when it was not gone yet as its time was up. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /**
   * `"left"`: it ended by itself. `"dismissed"`: it has no installed shutdown of its own, so that a thread was
   * terminated and a process got a SIGTERM. `"killed"`: it was still there when its time was up.
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

/** How many connections of a server were cut off, by what was on them. */
export interface ShutdownCut {
  /** WebSockets that had not closed 2 s after they were told to. */
  readonly websockets?: number;
  /** Requests whose body had stalled for 5 s. */
  readonly uploads?: number;
  /** Responses that the client had not read from for 5 s. */
  readonly downloads?: number;
  /** Other upgraded connections without traffic for 5 s. */
  readonly tunnels?: number;
  /** All others that were left when the time of the server was up. */
  readonly unfinished?: number;
}

/** What became of one callback. */
export interface ShutdownResult {
  readonly name: string;
  readonly status: ShutdownStatus;
  /** How long it ran, in seconds. */
  readonly seconds: number;
  /** What it threw or rejected with, what something that it started threw uncaught, or the `ShutdownError` of its timeout. */
  readonly error?: unknown;
  /** The threads or processes behind a `registerWorker` or `registerCluster`. */
  readonly members?: readonly ShutdownMember[];
  /** What a server has cut off; not there when nothing was. */
  readonly cut?: ShutdownCut;
}

/** What became of a shutdown. */
export interface ShutdownReport {
  readonly reason: string;
  /** The uncaught error that began the shutdown, or the first that came during it; with `handleUncaught`. */
  readonly error?: unknown;
  /** One entry for each callback, in the order of their turns. */
  readonly results: readonly ShutdownResult[];
  /** From the beginning to the last callback, with the `preStopDelay`, in seconds. */
  readonly seconds: number;
  /** Whether every callback is `"done"`. */
  readonly ok: boolean;
}

/** What the events of a `GracefulShutdown` carry. */
export interface ShutdownEvents {
  /** The shutdown has begun; no callback has run yet. */
  readonly begin: { readonly reason: string; readonly error?: unknown };
  /** A callback has ended, or was skipped. */
  readonly callback: { readonly result: ShutdownResult };
  /** All callbacks have ended; the process has not. */
  readonly complete: { readonly report: ShutdownReport };
}

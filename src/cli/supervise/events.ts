/**
 * What happens to a supervised program. `pid` is that of the program itself; times are in seconds. A line of `--json`
 * is such an event, preceded by a `time`.
 */
export type SuperviseEvent =
  | { readonly event: "started"; readonly pid: number; readonly run: number; readonly command: string }
  | {
      readonly event: "start-failed";
      readonly run: number;
      readonly command: string;
      readonly reason: string;
    }
  /**
   * No beat for `seconds`; `beaten` is false if there was none in this run. `interval` is the heartbeat's own, present
   * if the maximum age is too short for it.
   */
  | {
      readonly event: "stale";
      readonly pid: number;
      readonly seconds: number;
      readonly beaten: boolean;
      readonly interval?: number;
    }
  | { readonly event: "frozen"; readonly pid: number }
  | { readonly event: "forwarded"; readonly pid: number; readonly signal: NodeJS.Signals }
  | { readonly event: "stopping"; readonly pid: number | null; readonly signal: NodeJS.Signals }
  | { readonly event: "killing"; readonly pid: number; readonly reason: "grace" | "second-signal" }
  | {
      readonly event: "exited";
      readonly pid: number;
      readonly code: number | null;
      readonly signal: NodeJS.Signals | null;
      readonly seconds: number;
    }
  /** The program has exited, but some processes that it started have not. */
  | { readonly event: "leftovers"; readonly pid: number; readonly count: number }
  /** Some processes have survived SIGKILL. */
  | { readonly event: "left-behind"; readonly pid: number; readonly count: number }
  | { readonly event: "restarting"; readonly delay: number }
  | { readonly event: "gave-up"; readonly restarts: number; readonly window: number }
  /** The last line: the supervisor exits with `code`. */
  | { readonly event: "ended"; readonly code: number };

/** Milliseconds as events report them: rounded, in seconds. */
export function inSeconds(milliseconds: number): number {
  return Math.round(milliseconds) / 1000;
}

/** An action that the supervisor has to perform. */
export type SuperviseAction =
  | { readonly do: "start" }
  | { readonly do: "tell"; readonly event: SuperviseEvent }
  /** Send a signal to the program alone, or to its whole process group as a terminal does. */
  | { readonly do: "signal"; readonly signal: NodeJS.Signals; readonly to: "program" | "group" }
  /** Send a signal to every process of the run that can be found. */
  | { readonly do: "sweep"; readonly signal: "SIGTERM" | "SIGKILL" }
  /** Count the remaining processes of the run, and report the number. */
  | { readonly do: "count" }
  /** Read the heartbeat file, and report what has changed. */
  | { readonly do: "look" }
  /** Stop the group and this process, until the shell resumes it. */
  | { readonly do: "suspend" }
  | { readonly do: "finish"; readonly code: number };

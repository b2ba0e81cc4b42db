import type { SectionName } from "../kernel/configured.js";

/** What an option is for, in the words of a comment in the file. */
export interface Meaning {
  readonly means: string;
  /** A value to start from, for an option that has no default; as YAML. */
  readonly example?: string;
}

/** What the sections are for, and each option that a file can have, by its name in code. */
export const MEANINGS: Readonly<
  Record<SectionName, { readonly means: string; readonly options: Readonly<Record<string, Meaning>> }>
> = {
  circuitBreaker: {
    means: "Stops calling what fails, and tries again after a while.",
    options: {
      maxFailures: { means: "consecutive failures that open the circuit" },
      resetTimeout: { means: "how long it stays open before a probe is let through" },
      halfOpenMaxCalls: { means: "probes admitted while half-open, and successes needed to close" },
      probeTimeout: {
        means: "a probe without an answer counts as failed; else after reset_timeout",
        example: "10s",
      },
    },
  },
  rateLimiter: {
    means: "Lets through so many calls a period.",
    options: {
      rate: { means: "calls in each period" },
      per: { means: "the period" },
      burst: { means: "how many at once after a pause; else as many as in a period", example: "50" },
      maxQueue: { means: "how many may wait; else any number", example: "100" },
      maxKeys: { means: "of a keyed limiter: how many keys are known at most" },
      onFull: { means: "of a keyed limiter: what happens to one key more" },
      maxKeyLength: { means: "of a keyed limiter: longer keys are counted by their hash" },
    },
  },
  shutdown: {
    means: "Ends the process in order when it is told to.",
    options: {
      timeout: { means: "for everything together" },
      signals: { means: "what begins a shutdown" },
      forceExitCode: { means: "exit code when a callback failed, timed out or was skipped" },
      exitOnSignal: { means: "whether the process ends when a shutdown begun by a signal is complete" },
      repeatGrace: { means: "for how long signals after the first are copies of it" },
      onSecondSignal: { means: "whether a later signal ends the process at once; default: SIGINT does" },
      handleUncaught: { means: "whether an uncaught exception shuts down too" },
      preStopDelay: { means: "how long to go on serving while load balancers learn that it ends" },
      reserve: { means: "the part of the time left that a server leaves to the callbacks behind it" },
    },
  },
  health: {
    means: "Answers whether the process has started, is alive and is ready for traffic.",
    options: {
      checkTimeout: { means: "how long a check may take that has no timeout of its own" },
    },
  },
  heartbeat: {
    means: "Writes a file that says that the process is alive.",
    options: {
      stateFile: { means: "the file; without one only callbacks are called", example: "state/app.heartbeat" },
      interval: { means: "the time between two beats" },
      metadata: { means: "anything that readers should know" },
      fsync: { means: "whether each beat is written through to the disk" },
      mode: { means: 'who may read the file; "0644": everybody' },
      systemd: { means: "whether to tell systemd, where it listens: ready, alive, stopping" },
    },
  },
  watchdog: {
    means: "Notices work that hangs and an event loop that is frozen.",
    options: {
      timeout: { means: "how long the work may go without a ping" },
      onFreeze: { means: "what to do with a frozen process, besides reporting it" },
      exitCode: { means: 'the exit code of on_freeze: "exit"' },
      reportDirectory: { means: "a folder for a JSON report of each freeze", example: "reports" },
      maxReports: { means: "how many reports may be in it; the oldest go first" },
      pollInterval: { means: "how often the monitor looks; else a part of the timeout", example: "1s" },
      stateFile: {
        means: "of fromStateFile: the file to watch; else the heartbeat's",
        example: "state/app.heartbeat",
      },
      maxAge: { means: "of fromStateFile: how old a beat may be; else three intervals", example: "30s" },
      checkInterval: { means: "of fromStateFile: how often the file is looked at" },
    },
  },
};

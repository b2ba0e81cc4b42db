import type { HealthSnapshot } from "../../health/report.js";
import type { HeartbeatEvents, HeartbeatSnapshot } from "../../heartbeat/events.js";
import { realClock } from "../../kernel/clock.js";
import type { ShutdownEvents, ShutdownStatus } from "../../shutdown/report.js";
import type { NotCountedInfo, RecoverInfo, TimeoutInfo } from "../../watchdog/timeout-info.js";
import type { StateFileTimeoutInfo } from "../../watchdog/state-file-options.js";
import { from, type Metric, one, SECONDS } from "./definition.js";

interface WatchdogEvents {
  readonly timeout: Pick<TimeoutInfo | StateFileTimeoutInfo, "kind">;
  readonly notCounted: NotCountedInfo;
  readonly recover: RecoverInfo;
}

const STATUSES: readonly ShutdownStatus[] = ["done", "failed", "timed-out", "skipped"];

/** Heartbeat, watchdog, health and shutdown. */
export const processMetrics: readonly Metric[] = [
  {
    type: "gauge",
    name: "heartbeat.age",
    unit: "s",
    description: "The time since the last beat of a heartbeat that runs.",
    kinds: ["heartbeat"],
    read: ({ isRunning, lastBeat }: HeartbeatSnapshot) =>
      isRunning && lastBeat !== null
        ? Math.max(0, realClock.wallNow() - Date.parse(lastBeat)) / 1000
        : undefined,
    together: "max",
  },
  {
    type: "counter",
    name: "heartbeat.beats",
    unit: "{beat}",
    description: "Beats that were due.",
    attribute: { key: "outcome", values: ["written", "missed"] },
    events: from<HeartbeatEvents>("heartbeat", { beat: () => "written", missedBeat: () => "missed" }),
  },
  {
    type: "counter",
    name: "heartbeat.deaths",
    unit: "{death}",
    description: "How often the target of a heartbeat was found dead.",
    events: from<HeartbeatEvents>("heartbeat", { targetDead: one }),
  },
  {
    type: "counter",
    name: "watchdog.freezes",
    unit: "{freeze}",
    description: "Timeouts of watchdogs, and what was not counted as one, by its kind.",
    attribute: {
      key: "kind",
      values: [
        "not-pinged",
        "blocked-js",
        "blocked-native",
        "starved",
        "suspended",
        "stale",
        "dead",
        "frozen",
        "stopped",
        "unknown",
      ],
    },
    events: from<WatchdogEvents>("watchdog", { timeout: ({ kind }) => kind, notCounted: ({ kind }) => kind }),
  },
  {
    type: "histogram",
    name: "watchdog.freeze.duration",
    unit: "s",
    description: "The time from a timeout to the ping that ended it.",
    events: from<WatchdogEvents>(
      "watchdog",
      { recover: one },
      { recover: ({ secondsTriggered }) => secondsTriggered },
    ),
    buckets: SECONDS,
  },
  {
    type: "gauge",
    name: "health.failing",
    unit: "{check}",
    description: "Checks whose last result was a failure.",
    kinds: ["health"],
    read: ({ checks }: HealthSnapshot) => checks.filter(({ last }) => last?.ok === false).length,
  },
  {
    type: "counter",
    name: "shutdown.callbacks",
    unit: "{callback}",
    description: "Callbacks of a shutdown, by how they ended.",
    attribute: { key: "status", values: STATUSES },
    events: from<ShutdownEvents>("shutdown", { callback: ({ result }) => result.status }),
  },
  {
    type: "histogram",
    name: "shutdown.duration",
    unit: "s",
    description: "How long a shutdown took, up to the end of the last callback.",
    events: from<ShutdownEvents>("shutdown", { complete: one }, { complete: ({ report }) => report.seconds }),
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60],
  },
];

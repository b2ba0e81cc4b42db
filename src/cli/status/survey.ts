import type { HeartbeatMetadata } from "../../heartbeat-file/state.js";
import type { HeartbeatVerdict } from "../../heartbeat-file/verdict.js";
import type { Clock } from "../../kernel/clock.js";
import { type Look, lookAt, reasonOf } from "../look.js";
import { findFiles, namesOf } from "./find-files.js";

/** The state of one heartbeat. */
export interface Finding {
  readonly name: string;
  readonly look: Look;
  /** Why it has this status, in a few words; empty if there is nothing to add. */
  readonly reason: string;
}

/** The states of all requested heartbeats. */
export interface Survey {
  /** Wall-clock time in milliseconds. */
  readonly at: number;
  readonly findings: readonly Finding[];
  /** Arguments that match nothing. */
  readonly empty: readonly string[];
  /** Why, for those in `empty` where there is more to say. */
  readonly reasons: ReadonlyMap<string, string>;
  /** Whether any file or instance exists. */
  readonly isAny: boolean;
  readonly allAlive: boolean;
}

/** What to read, and how to judge it. */
export interface SurveyOptions {
  readonly targets: readonly string[];
  readonly cwd: string;
  /** Milliseconds; `undefined` for three intervals of each file. */
  readonly maxAge: number | undefined;
  readonly clock: Clock;
}

/** Reads all files that the arguments currently name. */
export function survey({ targets, cwd, maxAge, clock }: SurveyOptions): Survey {
  const { files, empty, reasons, isAny } = findFiles(targets, cwd);
  const names = namesOf(files, cwd);
  const findings = files.map((file): Finding => {
    const look = lookAt(file, maxAge, clock);
    return { name: names.get(file) ?? file, look, reason: reasonOf(look) };
  });
  const allAlive =
    findings.length > 0 && empty.length === 0 && findings.every(({ look }) => look.status === "alive");
  return { at: clock.wallNow(), findings, empty, reasons, isAny, allAlive };
}

/** One heartbeat in the output of `--json`. */
export interface HeartbeatReport {
  readonly name: string;
  /** Absolute path, or the address in Redis. */
  readonly file: string;
  readonly status: HeartbeatVerdict;
  /** Why it has this status, in a few words; `null` if there is nothing to add. */
  readonly reason: string | null;
  /** Seconds since the last beat. */
  readonly age: number | null;
  /** The age in seconds up to which it counts as alive. */
  readonly maxAge: number;
  /** The contents of the file; `null` if it is not a readable heartbeat. */
  readonly heartbeat: {
    readonly timestamp: string;
    readonly pid: number;
    readonly hostname: string | null;
    readonly status: string | null;
    readonly interval: number | null;
    readonly startedAt: string | null;
    readonly sequence: number | null;
    readonly metadata: HeartbeatMetadata;
  } | null;
}

/** What `--json` prints. */
export interface StatusReport {
  readonly checkedAt: string;
  readonly allAlive: boolean;
  readonly heartbeats: readonly HeartbeatReport[];
  /** Folders and patterns that match no file. */
  readonly nothingIn: readonly string[];
}

/** The survey as `--json` prints it. */
export function reportOf({ at, findings, empty, allAlive }: Survey): StatusReport {
  const heartbeats = findings.map(({ name, look, reason }): HeartbeatReport => {
    const { file, status, age, maxAge, state } = look;
    const heartbeat = state && {
      timestamp: state.timestamp,
      pid: state.pid,
      hostname: state.hostname === "" ? null : state.hostname,
      status: state.status ?? null,
      interval: state.interval ?? null,
      startedAt: state.startedAt ?? null,
      sequence: state.sequence ?? null,
      metadata: state.metadata,
    };
    return { name, file, status, reason: reason === "" ? null : reason, age, maxAge, heartbeat };
  });
  return { checkedAt: new Date(at).toISOString(), allAlive, heartbeats, nothingIn: empty };
}

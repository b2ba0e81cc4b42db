/** What systemd passes to a process in environment variables. */
export interface ServiceManager {
  /** The value of `NOTIFY_SOCKET`: a path, or an abstract or vsock address. */
  readonly socket: string;
  /** Milliseconds between two `WATCHDOG=1`, half of systemd's timeout; `undefined` if there is none. */
  readonly watchdog: number | undefined;
  /** Why no `WATCHDOG=1` is sent although systemd expects it. */
  readonly objection: string | undefined;
}

/** Allows 19 digits, because systemd writes "never" as the largest 64-bit number. */
function parseMicroseconds(text: string): number | undefined {
  const value = Number(text);
  return /^\d{1,19}$/.test(text) && value > 0 ? value : undefined;
}

/**
 * Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`, as sd_notify and sd_watchdog_enabled do;
 * `undefined` without a service manager. A watchdog that expects another process is ignored: a child inherits the
 * variables of its parent.
 */
export function readServiceManager(
  env: Readonly<Record<string, string | undefined>>,
  pid: number,
): ServiceManager | undefined {
  const { NOTIFY_SOCKET: socket = "", WATCHDOG_USEC: text = "", WATCHDOG_PID: owner = "" } = env;
  if (socket === "") return undefined;
  const refuse = (objection: string): ServiceManager => ({ socket, watchdog: undefined, objection });
  if (text === "") return { socket, watchdog: undefined, objection: undefined };
  if (owner !== "" && owner !== String(pid)) {
    return refuse(
      `systemd expects WATCHDOG=1 from process ${owner} (WATCHDOG_PID) and this is ${pid}; let ExecStart= run node itself`,
    );
  }
  const microseconds = parseMicroseconds(text);
  if (microseconds === undefined) {
    return refuse(`WATCHDOG_USEC must be microseconds above 0; got ${JSON.stringify(text)}`);
  }
  // Timers have a resolution of 1 ms.
  return { socket, watchdog: Math.max(1, microseconds / 2000), objection: undefined };
}

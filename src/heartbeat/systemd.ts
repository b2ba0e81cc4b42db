/** What systemd's variables say to a process that it started. */
export interface ServiceManager {
  /** The value of `NOTIFY_SOCKET`: a path, or an abstract or vsock address. */
  readonly socket: string;
  /** Milliseconds between two signs of life, half of what systemd waits; `undefined` when it waits for none. */
  readonly watchdog: number | undefined;
  /** Why no signs of life are sent although systemd waits for them. */
  readonly objection: string | undefined;
}

/** The whole interval is at most the longest that a 64-bit number of microseconds holds; systemd's "never" is that. */
function parseMicroseconds(text: string): number | undefined {
  const value = Number(text);
  return /^\d{1,19}$/.test(text) && value > 0 ? value : undefined;
}

/**
 * Reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`, as sd_notify and sd_watchdog_enabled do;
 * `undefined` where no service manager listens. A watchdog that waits for another process is not ours to feed:
 * a child inherits the variables of its parent.
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
      `systemd waits for signs of life of process ${owner} (WATCHDOG_PID) and this is ${pid}; let ExecStart= run node itself`,
    );
  }
  const microseconds = parseMicroseconds(text);
  if (microseconds === undefined) {
    return refuse(`WATCHDOG_USEC must be microseconds above 0; got ${JSON.stringify(text)}`);
  }
  // Never below what the clock's readings can count.
  return { socket, watchdog: Math.max(1, microseconds / 2000), objection: undefined };
}

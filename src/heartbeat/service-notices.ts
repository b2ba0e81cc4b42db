import type { HeartbeatStatus } from "../heartbeat-file/state.js";
import type { Clock, Timer } from "../kernel/clock.js";
import { warn } from "../kernel/warning.js";
import { NotifyHelper } from "./notify-helper.js";
import type { HeartbeatSettings } from "./options.js";
import { every } from "./schedule.js";
import { readServiceManager, type ServiceManager } from "./systemd.js";

/** The notice for each status that systemd knows. */
const NOTICES: { readonly [Status in HeartbeatStatus]?: string } = {
  running: "READY=1",
  draining: "STOPPING=1",
  stopped: "STOPPING=1",
};

/** How long `stop()` waits for a manager that does not answer, in milliseconds. */
const STOP_TIMEOUT = 5000;

/**
 * Notifies systemd about one run of a heartbeat, from `start()` to `stop()`. If notices cannot be sent, the first
 * failure of a series becomes a warning; nothing else changes.
 */
export class ServiceNotices {
  readonly #owner: string;
  readonly #clock: Clock;
  readonly #manager: ServiceManager;
  readonly #helper: NotifyHelper;
  readonly #send: (message: string) => unknown;
  #watchdog: Timer | undefined;
  /** Settles with the last pending notice. */
  #queue: Promise<void>;
  #waiting = 0;
  #isFailing = false;
  /** Set when systemd did not answer in time; nothing more is sent. */
  #isOver = false;

  private constructor(
    owner: string,
    settings: HeartbeatSettings,
    manager: ServiceManager,
    before: Promise<void>,
  ) {
    this.#queue = before;
    this.#owner = owner;
    this.#clock = settings.clock;
    this.#manager = manager;
    this.#helper = new NotifyHelper(manager.socket);
    this.#send = typeof settings.systemd === "function" ? settings.systemd : this.#helper.send;
    if (manager.objection !== undefined)
      this.#warn(`sends nothing to systemd's watchdog: ${manager.objection}`);
  }

  /**
   * Returns `undefined` if systemd is not used or not present.
   *
   * @param before settles when the notices of the previous run have been sent.
   */
  static begin(
    owner: string,
    settings: HeartbeatSettings,
    before: Promise<void>,
  ): ServiceNotices | undefined {
    if (settings.systemd === false) return undefined;
    const manager = readServiceManager(process.env, process.pid);
    return manager === undefined ? undefined : new ServiceNotices(owner, settings, manager, before);
  }

  /** `WATCHDOG=1` begins with `running`: a loop that is blocked before that is a slow start, not a freeze. */
  tell(status: HeartbeatStatus): void {
    const notice = NOTICES[status];
    if (notice === undefined) return;
    this.#post(`${notice}\nSTATUS=${status}`);
    if (status !== "running" || this.#manager.watchdog === undefined) return;
    this.#watchdog ??= every(this.#clock, this.#manager.watchdog, () => {
      // If systemd does not answer, notices must not pile up.
      if (this.#waiting === 0) this.#post("WATCHDOG=1");
    });
  }

  /** Sends `stopped`; resolves when everything is sent and the helper has exited, or after {@link STOP_TIMEOUT}. */
  end(): Promise<void> {
    this.#watchdog?.cancel();
    this.tell("stopped");
    return new Promise((resolve) => {
      const timeout = this.#clock.setTimer(() => {
        this.#isOver = true;
        const seconds = STOP_TIMEOUT / 1000;
        this.#fail("STOPPING=1", new Error(`systemd did not answer within ${seconds} s`));
        this.#helper.kill();
        resolve();
      }, STOP_TIMEOUT);
      const finish = async (): Promise<void> => {
        await this.#queue;
        await this.#helper.end();
        timeout.cancel();
        resolve();
      };
      void finish();
    });
  }

  #post(message: string): void {
    this.#waiting++;
    this.#queue = this.#queue.then(() => this.#deliver(message));
    this.#clock.track?.(this.#queue);
  }

  async #deliver(message: string): Promise<void> {
    try {
      if (this.#isOver) return;
      await this.#send(message);
      this.#isFailing = false;
    } catch (error) {
      this.#fail(message.split("\n", 1)[0], error);
    } finally {
      this.#waiting--;
    }
  }

  #fail(notice: string | undefined, cause: unknown): void {
    if (!this.#isFailing) this.#warn(`could not send systemd ${notice}`, cause);
    this.#isFailing = true;
  }

  #warn(what: string, cause?: unknown): void {
    warn("KSTLIB_SYSTEMD_NOTIFY", `${this.#owner} ${what}`, cause);
  }
}

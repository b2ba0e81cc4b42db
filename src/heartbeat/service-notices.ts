import type { HeartbeatStatus } from "../heartbeat-file/state.js";
import type { Clock, Timer } from "../kernel/clock.js";
import { warn } from "../kernel/warning.js";
import { NotifyHelper } from "./notify-helper.js";
import type { HeartbeatSettings } from "./options.js";
import { every } from "./schedule.js";
import { readServiceManager, type ServiceManager } from "./systemd.js";

/** Which notice a status is, where systemd has one for it. */
const NOTICES: { readonly [Status in HeartbeatStatus]?: string } = {
  running: "READY=1",
  draining: "STOPPING=1",
  stopped: "STOPPING=1",
};

/** How long the end of a life waits for a manager that does not answer, in milliseconds: a shutdown has other work. */
const LONGEST_FAREWELL = 5000;

/**
 * What systemd is told of one life of a heartbeat, from `start()` to `stop()`. A notice that cannot be sent is a
 * warning, the first of a row, and changes nothing else.
 */
export class ServiceNotices {
  readonly #owner: string;
  readonly #clock: Clock;
  readonly #manager: ServiceManager;
  readonly #helper: NotifyHelper;
  readonly #send: (message: string) => unknown;
  #watchdog: Timer | undefined;
  /** Settles with the last of the notices on their way. */
  #queue: Promise<void>;
  #waiting = 0;
  #isFailing = false;
  /** Nothing more is sent: the manager had its time. */
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
    if (manager.objection !== undefined) this.#warn(`does not feed systemd's watchdog: ${manager.objection}`);
  }

  /**
   * `undefined` where systemd is not to be told or does not listen.
   *
   * @param before the end of the life before this one, which is told first.
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

  /** Signs of life begin with `running`: what blocks the loop before it is ready is a slow start, no freeze. */
  tell(status: HeartbeatStatus): void {
    const notice = NOTICES[status];
    if (notice === undefined) return;
    this.#post(`${notice}\nSTATUS=${status}`);
    if (status !== "running" || this.#manager.watchdog === undefined) return;
    this.#watchdog ??= every(this.#clock, this.#manager.watchdog, () => {
      // One more would only queue up behind a manager that does not answer.
      if (this.#waiting === 0) this.#post("WATCHDOG=1");
    });
  }

  /** Says `stopped`, and resolves when everything is sent and no process is left, or the manager had its time. */
  end(): Promise<void> {
    this.#watchdog?.cancel();
    this.tell("stopped");
    return new Promise((resolve) => {
      const patience = this.#clock.setTimer(() => {
        this.#isOver = true;
        const seconds = LONGEST_FAREWELL / 1000;
        this.#fail("STOPPING=1", new Error(`systemd did not answer within ${seconds} s`));
        this.#helper.kill();
        resolve();
      }, LONGEST_FAREWELL);
      const finish = async (): Promise<void> => {
        await this.#queue;
        await this.#helper.end();
        patience.cancel();
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
    if (!this.#isFailing) this.#warn(`could not tell systemd ${notice}`, cause);
    this.#isFailing = true;
  }

  #warn(what: string, cause?: unknown): void {
    warn("KSTLIB_SYSTEMD_NOTIFY", `${this.#owner} ${what}`, cause);
  }
}

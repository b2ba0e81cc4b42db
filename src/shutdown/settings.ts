import { Printed } from "../kernel/printed.js";
import type { GracefulShutdownSettings, OnSecondSignal, ShutdownSignal } from "./options.js";

/** The settings of a shutdown, to be read. */
export abstract class ShutdownSettings extends Printed {
  readonly #settings: GracefulShutdownSettings;

  constructor(settings: GracefulShutdownSettings) {
    super();
    this.#settings = settings;
  }

  /** The time for everything together, in seconds. */
  get timeout(): number {
    return this.#settings.timeout / 1000;
  }

  /** How long it goes on serving after the shutdown has begun, in seconds. */
  get preStopDelay(): number {
    return this.#settings.preStopDelay / 1000;
  }

  /** The part of the time left that a server, thread or cluster leaves to the callbacks behind it: 0 to 0.9. */
  get reserve(): number {
    return this.#settings.reserve;
  }

  /** The signals that begin a shutdown. */
  get signals(): readonly ShutdownSignal[] {
    return this.#settings.signals;
  }

  /** For how long signals after the first are copies of it, in seconds. */
  get repeatGrace(): number {
    return this.#settings.repeatGrace / 1000;
  }

  /** What a signal means that comes later. */
  get onSecondSignal(): OnSecondSignal {
    return this.#settings.onSecondSignal;
  }

  /** The exit code when a callback failed, timed out or was skipped. */
  get forceExitCode(): number {
    return this.#settings.forceExitCode;
  }

  /** Whether the process ends once the shutdown that a signal began is complete. */
  get exitOnSignal(): boolean {
    return this.#settings.exitOnSignal;
  }

  /** Whether an uncaught error begins a shutdown. */
  get handleUncaught(): boolean {
    return this.#settings.handleUncaught;
  }
}

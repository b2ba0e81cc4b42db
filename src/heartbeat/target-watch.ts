import { warn } from "../kernel/warning.js";
import type { HeartbeatTarget } from "./options.js";

/** Notices the death of a target once, and again only after it was alive in between. */
export class TargetWatch {
  readonly #owner: string;
  readonly #target: HeartbeatTarget | undefined;
  #isDead = false;
  #failing = false;

  constructor(owner: string, target: HeartbeatTarget | undefined) {
    this.#owner = owner;
    this.#target = target;
  }

  /** Whether the target was dead when last looked at. */
  get isDead(): boolean {
    return this.#isDead;
  }

  /** Looks at the target; `true` when it has died since the last look. */
  hasDied(): boolean {
    if (this.#target === undefined) return false;
    const before = this.#isDead;
    try {
      const answer: unknown = this.#target.isDead;
      // Anything but true, such as a promise, says nothing of a death.
      this.#isDead = answer === true;
      this.#failing = false;
    } catch (error) {
      // Not knowing is no news: the last answer stands.
      if (!this.#failing)
        warn("KSTLIB_LISTENER_FAILED", `isDead of the target of ${this.#owner} failed`, error);
      this.#failing = true;
    }
    return this.#isDead && !before;
  }
}

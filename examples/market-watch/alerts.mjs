// @ts-check
// The alerts of a program: what it sends and resolves, and what became of it. Where they go is in kstlib.conf.yml.
import { AlertManager } from "@kstlib/resilience/alerts";

/** Seconds for what is still to be told when the program ends. */
const LAST_WORDS = 5;

export class Alerts {
  manager;
  /** The alerts that had to be told. */
  #due = 0;

  /** @param {string} name of the program, and of its alerts in the configuration @param {typeof import("./tell.mjs").tellParent} tell */
  constructor(name, tell) {
    this.manager = new AlertManager({ name });
    this.manager.on("sent", ({ title, level, count }) => tell({ type: "alert", title, level, count }));
    this.manager.on("failed", ({ title, error }) =>
      tell({ type: "alert-failed", title, error: String(error) }),
    );
  }

  /** @param {import("@kstlib/resilience/alerts").Alert} alert */
  send(alert) {
    this.#due++;
    void this.manager.send(alert);
  }

  /** Tells that a problem is over, once. @param {string} key */
  resolve(key) {
    if (!this.manager.snapshot().active.includes(key)) return;
    this.#due++;
    void this.manager.resolve(key);
  }

  close() {
    return this.manager.close({ deadline: LAST_WORDS });
  }

  status() {
    const { slack } = this.manager.stats.channels;
    return { due: this.#due, ...slack };
  }
}

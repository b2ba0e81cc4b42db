// Simulated time. What happens next is taken from an agenda; after each event the promises and immediates of the code
// under test run, so that it does in simulated time what it does in real time.
import { Agenda } from "../simulations/overload.mjs";

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Returned by an event that concerns no code under test: nothing of it is waiting to run. */
export const QUIET = Symbol("quiet");

export class World {
  /** Milliseconds. */
  now = 0;
  #agenda = new Agenda();

  at(time, run) {
    this.#agenda.push(time, run);
  }

  /** Does something of the real world; simulated time stands still meanwhile. */
  until(work) {
    return new Promise((resolve, reject) => {
      this.at(this.now, () => work().then(resolve, reject));
    });
  }

  /** Events that have to wait for a real answer return a promise. */
  async run(until) {
    while (this.#agenda.size > 0) {
      const { time, run } = this.#agenda.pop();
      if (time > until) break;
      this.now = time;
      if ((await run()) !== QUIET) await turn();
    }
  }

  /** A clock for the package's classes. Once its instance is dead, no timer of it fires. */
  clockOf(instance) {
    return {
      now: () => this.now,
      wallNow: () => this.now,
      sleepSync() {
        throw new Error("nobody blocks here");
      },
      setTimer: (callback, delay) => {
        let isPending = true;
        this.at(this.now + Math.max(0, delay), () => {
          if (isPending && instance.isAlive) callback();
        });
        return {
          cancel() {
            isPending = false;
          },
        };
      },
    };
  }
}

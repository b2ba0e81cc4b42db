import { onAbort } from "../../kernel/abort.js";
import type { Clock, Timer } from "../../kernel/clock.js";
import { ShutdownError } from "../errors.js";
import type { Answer, MemberResults, Order } from "./messages.js";
import type { Hook } from "../plan.js";
import type { ShutdownContext, ShutdownMember } from "../report.js";
import { atMost } from "../wait.js";

/** A thread or process that ends when it is told. */
export interface Member {
  readonly name: string;
  readonly pid: number | null;
  say(order: Order): void;
  /** Ends one that does not understand orders. */
  dismiss(): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

interface State {
  readonly member: Member;
  /** Whether it has a shutdown of its own, installed. */
  obeys: boolean;
  isGone: boolean;
  exitCode: number | null;
  signal: string | null;
  fate: "left" | "dismissed" | "killed";
  answer: { readonly ok: boolean; readonly results: MemberResults } | undefined;
}

/** How long one that never said that it obeys has to say so, in milliseconds: it may be starting up. */
const GRACE = 1000;
/** What a member does not get of the time, so that its answer comes before its end, in milliseconds. */
const MARGIN = 200;

/** How long one that is killed has to be gone, before the next has its turn, in milliseconds. */
const DEATH = 300;

/** How a process ends that was told to by a signal: the codes of SIGHUP, SIGINT and SIGTERM as a shell has them. */
const TOLD_CODES = new Set<number | null>([0, 129, 130, 143]);
const TOLD_SIGNALS = new Set<string | null>(["SIGHUP", "SIGINT", "SIGTERM"]);

function endedWell({ fate, answer, exitCode, signal }: State): boolean {
  if (fate !== "left") return fate === "dismissed";
  return answer?.ok !== false && (signal === null ? TOLD_CODES.has(exitCode) : TOLD_SIGNALS.has(signal));
}

function fateOf({ member, exitCode, signal }: State): string {
  return `${member.name} ended with ${signal ?? `exit code ${exitCode}`}`;
}

/** The threads or processes behind one registration. */
export class Members {
  readonly #clock: Clock;
  readonly #isBegun: () => boolean;
  readonly #states = new Map<number, State>();
  #order: Order | undefined;
  #changed = (): void => {};

  /** @param isBegun whether the shutdown has begun: those that end before are none of its business. */
  constructor(clock: Clock, isBegun: () => boolean) {
    this.#clock = clock;
    this.#isBegun = isBegun;
  }

  /** The parts of a registration that are the same for threads and processes. */
  get hook(): Pick<Hook, "callback" | "members"> {
    return { callback: this.#drain, members: this.#conclude };
  }

  /** Takes one in; one that comes while the others are being ended has to go as well. */
  add(id: number, member: Member): void {
    if (this.#states.has(id)) return;
    this.#states.set(id, {
      member,
      obeys: false,
      isGone: false,
      exitCode: null,
      signal: null,
      fate: "left",
      answer: undefined,
    });
    member.say(this.#order ?? { step: "ask" });
  }

  /** Told what one has answered. */
  answered(id: number, answer: Answer): void {
    const state = this.#states.get(id);
    if (state === undefined) return;
    if (answer.step === "ended") {
      state.answer = { ok: answer.ok, results: answer.results };
    } else if (!state.obeys) {
      state.obeys = true;
      // The order was given before it could hear.
      if (this.#order !== undefined) state.member.say(this.#order);
    }
  }

  /** Told that one is gone. */
  gone(id: number, exitCode: number | null, signal: string | null): void {
    const state = this.#states.get(id);
    if (state === undefined) return;
    if (this.#isBegun()) Object.assign(state, { isGone: true, exitCode, signal });
    else this.#states.delete(id);
    this.#changed();
  }

  /** Tells all to end and waits for it; those that are there when the time is up are killed. */
  readonly #drain = async ({ signal, reason }: ShutdownContext, time: number): Promise<void> => {
    this.#order = { step: "begin", reason, time: Math.max(time / 2, time - MARGIN) };
    for (const { member } of this.#present()) member.say(this.#order);
    const timer: Timer = this.#clock.setTimer(
      () => {
        for (const state of this.#present().filter(({ obeys }) => !obeys)) {
          state.fate = "dismissed";
          state.member.dismiss();
        }
      },
      Math.min(GRACE, time / 4),
    );
    onAbort(signal, () => {
      for (const state of this.#present()) {
        state.fate = "killed";
        state.member.kill();
      }
    });
    await this.#allGone();
    timer.cancel();
    const bad = [...this.#states.values()].filter((state) => !endedWell(state));
    if (bad.length > 0) throw new ShutdownError("ERR_SHUTDOWN_MEMBER", `${bad.map(fateOf).join(", ")}.`);
  };

  /** What has become of each since the shutdown began; waits for those that are just being killed. */
  readonly #conclude = async (): Promise<readonly ShutdownMember[]> => {
    await atMost(DEATH, this.#allGone(), this.#clock);
    return Object.freeze(
      [...this.#states.values()].map(({ member: { name, pid }, exitCode, signal, fate, answer }) =>
        Object.freeze({ name, pid, exitCode, signal, fate, results: answer?.results ?? null }),
      ),
    );
  };

  #present(): readonly State[] {
    return [...this.#states.values()].filter(({ isGone }) => !isGone);
  }

  /** Resolves as soon as none is there. */
  #allGone(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (this.#present().length === 0) resolve();
      };
      this.#changed();
    });
  }
}

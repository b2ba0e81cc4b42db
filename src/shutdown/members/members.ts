import { onAbort } from "../../kernel/abort.js";
import type { Clock, Timer } from "../../kernel/clock.js";
import { atMost } from "../at-most.js";
import { ShutdownError } from "../errors.js";
import type { Hook } from "../plan.js";
import type { ShutdownContext, ShutdownMember } from "../report.js";
import type { Command, MemberResults, Reply } from "./messages.js";

/** A thread or process that can be ended. */
export interface Member {
  readonly name: string;
  readonly pid: number | null;
  say(command: Command): void;
  /** Ends one that has no shutdown to obey a command. */
  dismiss(): void;
  /** Ends it at once. */
  kill(): void;
}

interface State {
  readonly member: Member;
  /** Whether it has said that it has an installed shutdown. */
  obeys: boolean;
  isGone: boolean;
  exitCode: number | null;
  signal: string | null;
  fate: "left" | "dismissed" | "killed";
  answer: { readonly ok: boolean; readonly results: MemberResults } | undefined;
}

/** How long a member may take to say that it obeys commands, in milliseconds: it may be starting up. */
const GRACE = 1000;
/** The part of the time that a member does not get, so that its reply arrives before it is killed, in milliseconds. */
const MARGIN = 200;

/** How long to wait for the exit of those that were killed, in milliseconds. */
const KILL_LIMIT = 300;

/** How a process exits after SIGHUP, SIGINT or SIGTERM: 128 + the signal, or by the signal itself. */
const ORDERLY_CODES = new Set<number | null>([0, 129, 130, 143]);
const ORDERLY_SIGNALS = new Set<string | null>(["SIGHUP", "SIGINT", "SIGTERM"]);

function endedWell({ fate, answer, exitCode, signal }: State): boolean {
  if (fate !== "left") return fate === "dismissed";
  return (
    answer?.ok !== false && (signal === null ? ORDERLY_CODES.has(exitCode) : ORDERLY_SIGNALS.has(signal))
  );
}

function describeExit({ member, exitCode, signal }: State): string {
  return `${member.name} ended with ${signal ?? `exit code ${exitCode}`}`;
}

/** The threads or processes behind one registration. */
export class Members {
  readonly #clock: Clock;
  readonly #isBegun: () => boolean;
  readonly #states = new Map<number, State>();
  #command: Command | undefined;
  #changed = (): void => {};

  /** @param isBegun whether the shutdown has begun: a member that ends before is forgotten. */
  constructor(clock: Clock, isBegun: () => boolean) {
    this.#clock = clock;
    this.#isBegun = isBegun;
  }

  /** The part of a registration that threads and processes share. */
  get hook(): Pick<Hook, "callback" | "members"> {
    return { callback: this.#drain, members: this.#conclude };
  }

  /** Adds a member. One that starts while the others are being ended is ended as well. */
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
    member.say(this.#command ?? { step: "ask" });
  }

  /** Records a reply. */
  replied(id: number, answer: Reply): void {
    const state = this.#states.get(id);
    if (state === undefined) return;
    if (answer.step === "ended") {
      state.answer = { ok: answer.ok, results: answer.results };
    } else if (!state.obeys) {
      state.obeys = true;
      // It was not listening yet when the command was sent.
      if (this.#command !== undefined) state.member.say(this.#command);
    }
  }

  /** Records the exit of a member. */
  gone(id: number, exitCode: number | null, signal: string | null): void {
    const state = this.#states.get(id);
    if (state === undefined) return;
    if (this.#isBegun()) Object.assign(state, { isGone: true, exitCode, signal });
    else this.#states.delete(id);
    this.#changed();
  }

  /** Tells all to end and waits until they have exited; kills those that are left when the time is up. */
  readonly #drain = async ({ signal, reason }: ShutdownContext, time: number): Promise<void> => {
    this.#command = { step: "begin", reason, time: Math.max(time / 2, time - MARGIN) };
    for (const { member } of this.#present()) member.say(this.#command);
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
    if (bad.length > 0)
      throw new ShutdownError("ERR_SHUTDOWN_MEMBER", `${bad.map(describeExit).join(", ")}.`);
  };

  /** What became of each since the shutdown began; waits for the exit of those that were killed. */
  readonly #conclude = async (): Promise<readonly ShutdownMember[]> => {
    await atMost(KILL_LIMIT, this.#allGone(), this.#clock);
    return Object.freeze(
      [...this.#states.values()].map(({ member: { name, pid }, exitCode, signal, fate, answer }) =>
        Object.freeze({ name, pid, exitCode, signal, fate, results: answer?.results ?? null }),
      ),
    );
  };

  #present(): readonly State[] {
    return [...this.#states.values()].filter(({ isGone }) => !isGone);
  }

  /** Resolves as soon as none is left. */
  #allGone(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (this.#present().length === 0) resolve();
      };
      this.#changed();
    });
  }
}

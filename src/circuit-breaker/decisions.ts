import { admit, elapse, relimit, remaining, settle } from "./machine.js";

/** What a circuit asks about calls and time. A circuit that several processes share has others decide. */
export interface Decisions {
  readonly elapse: typeof elapse;
  readonly admit: typeof admit;
  readonly settle: typeof settle;
  readonly relimit: typeof relimit;
  readonly remaining: typeof remaining;
}

/** The decisions of a circuit that is alone: those of the machine. */
export const alone: Decisions = { elapse, admit, settle, relimit, remaining };

import type { Answer } from "../../process/inspector.js";
import { leadsToCode } from "../stack.js";
import type { TimeoutInfo } from "../timeout-info.js";
import { TAKE_STACK } from "./freeze-hook.js";
import { PATIENCE, type ThreadAccess } from "./thread-access.js";
import { threadFacts } from "./thread-facts.js";

/** A sleeping thread that answers later than this, in milliseconds, was in a system call that has ended. */
const PROMPT = 100;
/** How often a thread is asked again whose stack was empty. */
const REPEATS = 9;

/** Whether a blocked thread runs JavaScript or is in native code. */
export function kindOfBlock(
  answer: Answer | undefined,
  asked: boolean,
  state: string | undefined,
): TimeoutInfo["kind"] {
  const asleep = state === "S" || state === "D";
  if (!asked) return asleep ? "blocked-native" : "blocked-js";
  if (answer === undefined) return "blocked-native";
  return asleep && answer.took > PROMPT ? "blocked-native" : "blocked-js";
}

/** What was found out about a frozen thread. */
interface Examination {
  readonly found: Pick<TimeoutInfo, "kind" | "stack" | "details">;
  /** Whether a debugger has stopped it. */
  readonly paused: boolean;
  /** Whether it has evaluated JavaScript for the monitor. */
  readonly answered: boolean;
}

/** Finds out where a frozen thread is. */
export async function examine(thread: ThreadAccess, request: number): Promise<Examination> {
  const { main, uninspectable, folder } = thread.data;
  // First, because the evaluation may wake the thread up.
  const facts = threadFacts(folder);
  const asked = main && uninspectable === undefined;
  const answer = asked ? await thread.call(TAKE_STACK, request) : undefined;
  const kind = kindOfBlock(answer, asked, facts.threadState);
  const stack = await stackFrom(thread, answer, kind, request);
  const found =
    stack === undefined
      ? { kind, details: { ...facts, noStack: whyNoStack(thread, answer) } }
      : { kind, stack, details: facts };
  const answered = answer !== undefined;
  // A thread that a debugger has stopped would answer.
  const paused = answered && (await thread.isPaused());
  return { found, paused, answered };
}

async function stackFrom(
  thread: ThreadAccess,
  answer: Answer | undefined,
  kind: TimeoutInfo["kind"],
  request: number,
): Promise<string | undefined> {
  let stack = answer?.value;
  if (kind === "blocked-native") return stack !== undefined && leadsToCode(stack) ? stack : undefined;
  // Endless microtasks: there is a frame only within one of them, not between two.
  for (let again = 0; stack === "" && again < REPEATS; again++) {
    stack = (await thread.call(TAKE_STACK, request))?.value;
  }
  return stack === "" ? undefined : stack;
}

function whyNoStack({ data: { main, uninspectable } }: ThreadAccess, answer: Answer | undefined): string {
  if (answer !== undefined) return "no JavaScript of the program was on the stack when asked";
  if (!main) return "only the main thread can be inspected";
  return uninspectable ?? `the thread did not answer within ${PATIENCE / 1000} s`;
}

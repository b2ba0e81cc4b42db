/** When a connection counts as lost. Durations in milliseconds. */
export interface LivenessLimits {
  /** Silence after which a ping is sent. */
  readonly interval: number;
  /** How long anything is waited for after a ping. */
  readonly timeout: number;
  /** The longest time without a message; an answer to a ping is none. */
  readonly maxSilence: number | undefined;
  /** Whether there is something to send as a ping. */
  readonly pings: boolean;
}

/** What is known of a connection's life; times on the monotonic clock, in milliseconds. */
export interface Life {
  /** When something was last received. */
  readonly heard: number;
  /** When a message was last received. */
  readonly spoken: number;
  /** When the ping was sent that nothing has followed. */
  readonly asked: number | undefined;
  /** When to look again. */
  readonly due: number;
  /** It was overdue at the last look, which may have come before what had arrived was read. */
  readonly isOverdue: boolean;
}

/** What to do after a look. */
export interface Judgement {
  readonly life: Life;
  readonly verdict: "alive" | "ping" | "dead";
}

/** So long before the end there is a first look, so that a verdict always follows a turn of the event loop. */
function graceOf({ timeout, maxSilence }: LivenessLimits): number {
  return Math.min(20, timeout / 4, (maxSilence ?? Infinity) / 4);
}

/** The life of a connection that has just been opened, or was heard of; of its messages, when the last one came. */
export function alive(limits: LivenessLimits, now: number, spoken: number = now): Life {
  const due = Math.min(
    limits.pings ? now + limits.interval : Infinity,
    spoken + (limits.maxSilence ?? Infinity) - graceOf(limits),
  );
  return { heard: now, spoken, asked: undefined, due, isOverdue: false };
}

/** When silence ends the connection. */
function deadline(
  { timeout, maxSilence = Infinity }: LivenessLimits,
  { spoken, asked = Infinity }: Life,
): number {
  return Math.min(spoken + maxSilence, asked + timeout);
}

/**
 * Looks at a connection that was due. Anything received counts as an answer. A look that comes late by more than half the
 * timeout says that this process stood still: what the other side sent may not have been read yet, so nothing is judged
 * and the connection is asked anew.
 */
export function look(limits: LivenessLimits, life: Life, now: number): Judgement {
  const { interval, timeout, maxSilence, pings } = limits;
  if (now - life.due > Math.min(timeout, maxSilence ?? Infinity) / 2) {
    return pings
      ? ask(limits, { ...life, heard: now, spoken: now }, now)
      : { life: alive(limits, now), verdict: "alive" };
  }
  const grace = graceOf(limits);
  const end = deadline(limits, life);
  if (now >= end - grace) {
    if (life.isOverdue && now >= end) return { life, verdict: "dead" };
    return { life: { ...life, due: Math.max(end, now + grace), isOverdue: true }, verdict: "alive" };
  }
  if (pings && life.asked === undefined && now >= life.heard + interval) return ask(limits, life, now);
  const next = pings && life.asked === undefined ? life.heard + interval : Infinity;
  return { life: { ...life, due: Math.min(next, end - grace), isOverdue: false }, verdict: "alive" };
}

function ask(limits: LivenessLimits, life: Life, now: number): Judgement {
  const asked = { ...life, asked: now, isOverdue: false };
  return { life: { ...asked, due: deadline(limits, asked) - graceOf(limits) }, verdict: "ping" };
}

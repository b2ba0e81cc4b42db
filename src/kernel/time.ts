/**
 * The machine's monotonic time, `performance.now()`, which tests may replace by a fake, also after this module was
 * loaded. The source is chosen again whenever `Date` or `setTimeout` has been replaced: comparing two globals costs a
 * nanosecond or two, reading the global `performance` ten.
 *
 * After any replacement, readings continue from the last one: the hour of real time before a fake began is not an hour
 * that waiters have to wait for.
 */
let source: { now(): number };
/** The machine's clock, until it is replaced: its readings need no adjustment. */
let real: (() => number) | undefined;
let knownDate: unknown;
let knownSetTimeout: unknown;

/** How far readings are ahead of their source, and the last reading. In an array, because doubles in variables are boxed. */
const state = new Float64Array(2);

/** Called when the source changes, for timers that were set before. */
let switched: (() => void) | undefined;

/** Monotonic time in milliseconds. */
export function monotonic(): number {
  return real !== undefined && Date === knownDate && setTimeout === knownSetTimeout ? real() : adjusted();
}

function adjusted(): number {
  if (Date !== knownDate || setTimeout !== knownSetTimeout) {
    follow();
    return monotonic();
  }
  const reading = source.now() + (state[0] ?? 0);
  if (reading < (state[1] ?? 0)) return goOn(reading);
  state[1] = reading;
  return reading;
}

/** Adds time that the clock does not show: a fake timer has fired. */
export function moveAhead(milliseconds: number): void {
  leaveReal();
  state[0] = (state[0] ?? 0) + milliseconds;
}

/** Sets the function to call when the source changes; there is only one. */
export function onSwitch(run: () => void): void {
  switched = run;
}

/** Whether a timer's handle is Node's own; others are fakes, or from another runtime. */
export function isNative(handle: unknown): boolean {
  return typeof handle === "object" && handle !== null && "_idleTimeout" in handle;
}

/** A fake that is reset goes back; the monotonic time must not. */
function goOn(reading: number): number {
  const last = state[1] ?? 0;
  // Whole milliseconds, as fakes have, so that whole delays stay whole.
  moveAhead(Math.ceil(last - reading));
  return monotonic();
}

function leaveReal(): void {
  if (real === undefined) return;
  state[1] = real();
  real = undefined;
}

function follow(): void {
  const isFirst = knownDate === undefined;
  leaveReal();
  // The former source still shows how much of its time has passed.
  const before = isFirst ? 0 : source.now() + (state[0] ?? 0);
  knownDate = Date;
  knownSetTimeout = setTimeout;
  source = isTimeOfDate() ? Date : performance;
  if (isFirst) {
    state[1] = -Infinity;
    // Fakes installed before this module was loaded; their readings may go back when they are reset.
    const isFake = Reflect.get(performance, "clock") !== undefined || !/\[native code\]/.test(String(Date));
    if (!isFake) real = performance.now.bind(performance);
    return;
  }
  state[0] = Math.ceil(Math.max(before, state[1] ?? 0) - source.now());
  switched?.();
}

/**
 * Whether timers and `Date` are faked together, but `performance` is not: `mock.timers` of `node:test` does that, and
 * the others if configured to. A fake `Date` alone does not show how time passes.
 */
function isTimeOfDate(): boolean {
  const isMock = Reflect.get(Date, "isMock") === true;
  const isSinon = Reflect.get(Date, "isFake") === true && Reflect.get(performance, "clock") === undefined;
  if (!isMock && !isSinon) return false;
  const handle = setTimeout(() => {}, 1000);
  clearTimeout(handle);
  return !isNative(handle);
}

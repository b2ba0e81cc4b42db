/**
 * The machine's monotonic time, `performance.now()`, which tests put fakes in place of, also after this module
 * was loaded. What it is read from is chosen anew whenever `Date` or `setTimeout` is another one than before;
 * comparing two globals costs a nanosecond or two, reading the global `performance` ten.
 *
 * Whatever is put in place of what, readings go on from where they were: an hour of real time before the fake
 * began is not an hour that everybody has to wait for.
 */
let source: { now(): number };
/** The machine's own clock, until anything is put in its place: then nothing has to be added or compared. */
let real: (() => number) | undefined;
let knownDate: unknown;
let knownSetTimeout: unknown;

/** What readings are ahead of their source, and the last reading: doubles in variables would be boxed each time. */
const state = new Float64Array(2);

/** Called when the time is read from something else, for timers that were set before. */
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

/** Says that so much time has passed that the clock does not show: a fake timer has fired. */
export function moveAhead(milliseconds: number): void {
  leaveReal();
  state[0] = (state[0] ?? 0) + milliseconds;
}

/** Sets what to call when the time is read from something else; one for all. */
export function onSwitch(run: () => void): void {
  switched = run;
}

/** Whether a timer's handle is one of Node's own; others are fakes, or of another engine. */
export function isNative(handle: unknown): boolean {
  return typeof handle === "object" && handle !== null && "_idleTimeout" in handle;
}

/** A fake that was reset goes back: the time does not. */
function goOn(reading: number): number {
  const last = state[1] ?? 0;
  // Whole milliseconds, as fakes have: what is a whole time from now stays one.
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
  // The former source still tells how much of its time has passed.
  const before = isFirst ? 0 : source.now() + (state[0] ?? 0);
  knownDate = Date;
  knownSetTimeout = setTimeout;
  source = isTimeOfDate() ? Date : performance;
  if (isFirst) {
    state[1] = -Infinity;
    // Fakes that were there before this module; what they read may go back when they are reset.
    const isFake = Reflect.get(performance, "clock") !== undefined || !/\[native code\]/.test(String(Date));
    if (!isFake) real = performance.now.bind(performance);
    return;
  }
  state[0] = Math.ceil(Math.max(before, state[1] ?? 0) - source.now());
  switched?.();
}

/**
 * Whether timers and `Date` are fakes that go together, but `performance` is not: as `mock.timers` of
 * `node:test`, and the others when they were told to. A `Date` alone says nothing about how time passes.
 */
function isTimeOfDate(): boolean {
  const isMock = Reflect.get(Date, "isMock") === true;
  const isSinon = Reflect.get(Date, "isFake") === true && Reflect.get(performance, "clock") === undefined;
  if (!isMock && !isSinon) return false;
  const handle = setTimeout(() => {}, 1000);
  clearTimeout(handle);
  return !isNative(handle);
}

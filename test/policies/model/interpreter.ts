import { Agenda, FROZEN } from "./agenda.js";
import { type Scenario, scriptOf, type Spec } from "./scenario.js";

/** How something ended: a result, or an error by its name; `asked` is what it asks to wait, `undefined` for no time. */
export interface End {
  readonly isGood: boolean;
  readonly label: string;
  readonly isRefusal?: boolean;
  readonly isMistake?: boolean;
  /** A timeout whose timer was late by more than half of it, or for which there was no time. */
  readonly saysNothing?: boolean;
  /** Milliseconds. */
  readonly asked?: number;
}

interface Context {
  readonly call: number;
  readonly attempt: number;
  readonly deadline: number;
  /** A timeout outside ends the call then. */
  readonly isKept: boolean;
  /** The budget has counted the call. */
  readonly isCounted: boolean;
}

type Cancel = () => void;

/** Runs something in a context until it is done or cancelled. */
type Run = (context: Context, done: (end: End) => void) => Cancel;

/** A call of the work: when, and which attempt it was told to be. */
export interface Invocation {
  readonly at: number;
  readonly attempt: number;
  readonly remaining: number;
}

const ROUNDING = 1e-6;

const nothing: Cancel = () => {};

/** What all policies of a scenario share. */
class World {
  readonly agenda = new Agenda();
  readonly invocations: Invocation[] = [];
  readonly scenario: Scenario;
  #counted = 0;
  #extra = 0;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
  }

  /** Starts something; whoever is told that it is done is told later, as by a promise, and once. */
  start(run: Run, context: Context, done: (end: End) => void): Cancel {
    let isOver = false;
    const finish = (end: End): void => {
      this.agenda.soon(() => {
        if (isOver) return;
        isOver = true;
        done(end);
      });
    };
    const cancel = run(context, finish);
    return () => {
      if (isOver) return;
      isOver = true;
      cancel();
    };
  }

  /** @param ended is told when the work itself has ended, also when it was given up. */
  work(context: Context, done: (end: End) => void, ended: () => void = nothing): Cancel {
    const { agenda, invocations } = this;
    const number = invocations.length;
    const remaining = Math.max(0, context.deadline - agenda.now);
    invocations.push({ at: agenda.now, attempt: context.attempt, remaining });
    const script = scriptOf(this.scenario, number);
    const end: End = {
      isGood: script.end === "well",
      label: `${script.end} ${number}`,
      isMistake: script.end === "mistaken",
      ...(script.end === "busy" && { asked: script.retryAfter }),
    };
    const settled = (): void => {
      ended();
      done(end);
    };
    if (script.latency === 0) {
      settled();
      return nothing;
    }
    const cancel = agenda.at(agenda.now + script.latency, context.call, settled);
    return () => {
      // Work that does not heed its signal goes on, for nobody.
      if (!script.heeds) return;
      cancel();
      agenda.soon(ended);
    };
  }

  count(): void {
    this.#counted++;
  }

  mayBeExtra(): boolean {
    const { floor, ratio } = this.scenario.budget;
    const isAllowed = floor + ratio * this.#counted - this.#extra >= 1 - ROUNDING;
    if (isAllowed) this.#extra++;
    return isAllowed;
  }
}

type Of<Kind extends Spec["kind"]> = Extract<Spec, { kind: Kind }>;

function timeout(world: World, inner: Run, { timeout: length }: Of<"timeout">, name: string): Run {
  const { agenda } = world;
  const open: { readonly due: number; readonly expire: (late: number) => void }[] = [];
  let isPolling = false;
  const expire = (now: number): void => {
    if (isPolling) agenda.polling--;
    isPolling = false;
    for (const call of [...open].toSorted((one, other) => one.due - other.due)) {
      if (call.due <= now) call.expire(now - call.due);
    }
  };
  const fired = (late: number): void => {
    if (isPolling) return;
    if (late > 0 && late < FROZEN) agenda.isAmbiguous = true;
    if (late < FROZEN) {
      expire(agenda.now);
      return;
    }
    // What has arrived meanwhile comes first.
    isPolling = true;
    agenda.poll();
    const { now } = agenda;
    agenda.at(now, -1, () => expire(now));
  };
  return (context, done) => {
    const end: End = { isGood: false, label: `timeout ${name}` };
    const due = Math.min(agenda.now + length, context.deadline);
    const time = due - agenda.now;
    if (due <= agenda.now) {
      // Nothing was called.
      done({ ...end, saysNothing: true });
      return nothing;
    }
    const forget = (): void => {
      ring();
      const place = open.indexOf(call);
      if (place !== -1) open.splice(place, 1);
    };
    const call = {
      due,
      expire(late: number): void {
        forget();
        cancel();
        done({ ...end, saysNothing: late > time / 2 });
      },
    };
    open.push(call);
    const ring = agenda.at(due, context.call, () => fired(agenda.now - due), true);
    const cancel = world.start(inner, { ...context, deadline: due, isKept: true }, (result) => {
      forget();
      done(result);
    });
    return () => {
      forget();
      cancel();
    };
  };
}

const isRetryable = ({ isGood, isMistake, isRefusal, asked }: End): boolean =>
  !isGood && !isMistake && (!isRefusal || asked !== undefined);

function retry(world: World, inner: Run, spec: Of<"retry">): Run {
  const { agenda } = world;
  return (outer, done) => {
    const started = agenda.now;
    if (spec.hasBudget && !outer.isCounted) world.count();
    const isCounted = outer.isCounted || spec.hasBudget;
    let cancel = nothing;
    const fits = (at: number): boolean => at <= started + spec.maxDuration && at < outer.deadline;
    const begin = (attempt: number): void => {
      cancel = world.start(inner, { ...outer, attempt, isCounted }, (end) => {
        const isStopped = end.label.startsWith("open") && !spec.waitsForOpen;
        if (!isRetryable(end) || attempt >= spec.attempts || isStopped) return done(end);
        const own = Math.min(spec.max, spec.initial * spec.factor ** (attempt - 1));
        const next = agenda.now + Math.max(own, end.asked ?? 0);
        if (!fits(next) || (spec.hasBudget && !world.mayBeExtra())) return done(end);
        cancel = agenda.at(next, outer.call, () => (fits(agenda.now) ? begin(attempt + 1) : done(end)));
      });
    };
    begin(1);
    return () => cancel();
  };
}

function hedge(world: World, inner: Run, spec: Of<"hedge">): Run {
  const { agenda } = world;
  return (outer, done) => {
    if (spec.hasBudget && !outer.isCounted) world.count();
    const isCounted = outer.isCounted || spec.hasBudget;
    const running = new Map<number, Cancel>();
    const failed: { readonly attempt: number; readonly end: End }[] = [];
    let started = 0;
    let timer: Cancel | undefined;
    const stop = (): void => {
      timer?.();
      timer = undefined;
    };
    const stopAll = (): void => {
      stop();
      for (const cancel of running.values()) cancel();
      running.clear();
    };
    const finish = (end: End): void => {
      stopAll();
      done(end);
    };
    const giveUp = (): void => {
      const [first] = failed.toSorted((one, other) => one.attempt - other.attempt);
      if (first !== undefined) finish(first.end);
    };
    const wait = (length: number): void => {
      stop();
      if (started > spec.maxHedges || agenda.now + length >= outer.deadline) return;
      timer = agenda.fairlyAt(agenda.now + length, outer.call, another);
    };
    const another = (): void => {
      stop();
      if (started <= spec.maxHedges && (!spec.hasBudget || world.mayBeExtra())) begin();
      else if (running.size === 0) giveUp();
    };
    const begin = (): void => {
      const attempt = ++started;
      running.set(attempt, nothing);
      wait(spec.delay);
      const cancel = world.start(inner, { ...outer, attempt, isCounted }, (end) => {
        running.delete(attempt);
        if (!end.isRefusal && !isRetryable(end)) return finish(end);
        failed.push({ attempt, end });
        if (!end.isRefusal && end.asked === undefined) return another();
        if (!end.isRefusal) wait(end.asked ?? 0);
        if (running.size === 0 && (end.isRefusal || timer === undefined)) giveUp();
      });
      running.set(attempt, cancel);
    };
    begin();
    return stopAll;
  };
}

function fallback(world: World, inner: Run, { to, maxAge = 0 }: Of<"fallback">): Run {
  const { agenda } = world;
  let last: { readonly end: End; readonly at: number } | undefined;
  return (context, done) =>
    world.start(inner, context, (end) => {
      if (end.isGood) {
        if (maxAge > 0) last = { end, at: agenda.now };
        done(end);
      } else if (last !== undefined && agenda.now - last.at <= maxAge) done(last.end);
      else done(to === undefined ? end : { isGood: true, label: to });
    });
}

/** A call that a breaker has admitted. */
interface Ticket {
  readonly era: number;
  readonly isProbe: boolean;
  /** No probe has failed since, and the circuit has not closed. */
  isNews: boolean;
}

function breaker(world: World, inner: Run, { maxFailures, resetTimeout }: Of<"breaker">): Run {
  const { agenda } = world;
  const tickets = new Set<Ticket>();
  let mode: "closed" | "open" | "half-open" = "closed";
  let era = 0;
  let failures = 0;
  let until = 0;
  let probe: { readonly ticket: Ticket; readonly deadline: number } | undefined;
  const change = (to: typeof mode): void => {
    mode = to;
    era++;
    probe = undefined;
  };
  const nothingIsNews = (): void => {
    for (const ticket of tickets) ticket.isNews = false;
  };
  const open = (from: number): void => {
    until = from + resetTimeout;
    failures = 0;
    change("open");
  };
  const close = (): void => {
    failures = 0;
    change("closed");
    nothingIsNews();
  };
  const catchUp = (): void => {
    for (;;) {
      if (mode === "open" && agenda.now >= until - ROUNDING) change("half-open");
      else if (probe !== undefined && agenda.now >= probe.deadline - ROUNDING) open(probe.deadline);
      else return;
    }
  };
  const settle = (ticket: Ticket, verdict: "success" | "failure" | "ignored"): void => {
    catchUp();
    tickets.delete(ticket);
    if (probe?.ticket === ticket) probe = undefined;
    if (verdict === "ignored") return;
    if (ticket.era !== era) {
      if (ticket.isProbe && ticket.isNews && verdict === "success") close();
      return;
    }
    if (verdict === "success") {
      if (mode === "half-open") close();
      failures = 0;
    } else if (mode === "half-open" || ++failures >= maxFailures) {
      open(agenda.now);
      nothingIsNews();
    }
  };
  return (context, done) => {
    catchUp();
    if (mode === "open" || probe !== undefined) {
      const asked = (probe?.deadline ?? until) - agenda.now;
      done({ isGood: false, label: "open", isRefusal: true, asked });
      return nothing;
    }
    const ticket = { era, isProbe: mode === "half-open", isNews: true };
    tickets.add(ticket);
    if (ticket.isProbe) probe = { ticket, deadline: agenda.now + resetTimeout };
    const cancel = world.start(inner, context, (end) => {
      settle(ticket, end.isGood ? "success" : end.isRefusal || end.saysNothing ? "ignored" : "failure");
      done(end);
    });
    return () => {
      settle(ticket, "ignored");
      cancel();
    };
  };
}

function limiter(world: World, inner: Run, { interval, burst, maxQueue }: Of<"limiter">): Run {
  const { agenda } = world;
  let level = burst;
  let since = 0;
  const queue: { readonly begin: () => void; readonly call: number }[] = [];
  let timer = nothing;
  const tokens = (): number => {
    level = Math.min(burst, level + (agenda.now - since) / interval);
    since = agenda.now;
    return level;
  };
  /** @param from the call that has given its place up. */
  const serve = (from?: number): void => {
    timer();
    let served = 0;
    for (let [head] = queue; head !== undefined && tokens() >= 1 - ROUNDING; [head] = queue) {
      level--;
      queue.shift();
      // They go on at one time; or the end of an attempt lets the next one of its call in, and ends it.
      if (++served > 1 || head.call === from) agenda.isAmbiguous = true;
      head.begin();
    }
    const [head] = queue;
    if (head !== undefined)
      timer = agenda.at(agenda.now + (1 - tokens()) * interval, head.call, () => serve());
  };
  return (context, done) => {
    serve();
    if (queue.length === 0 && tokens() >= 1 - ROUNDING) {
      level--;
      return world.start(inner, context, done);
    }
    const asked = (queue.length + 1 - tokens()) * interval;
    if (queue.length >= maxQueue || agenda.now + asked > context.deadline) {
      done({ isGood: false, label: "limit", isRefusal: true, asked });
      return nothing;
    }
    let cancel = (): void => {
      queue.splice(queue.indexOf(waiter), 1);
      serve(context.call);
    };
    const waiter = {
      call: context.call,
      begin(): void {
        let isWanted = true;
        cancel = () => {
          isWanted = false;
        };
        agenda.soon(() => {
          if (isWanted) cancel = world.start(inner, context, done);
          else {
            // Given up in the very moment of its turn: the token goes back.
            level = Math.min(burst, tokens() + 1);
            serve();
          }
        });
      },
    };
    queue.push(waiter);
    serve();
    return () => cancel();
  };
}

function bulkhead(
  world: World,
  inner: Run | undefined,
  { maxConcurrent, maxQueue, queueTimeout }: Of<"bulkhead">,
): Run {
  const { agenda } = world;
  const queue: { readonly call: number; readonly begin: (from: number) => void }[] = [];
  let running = 0;
  const leave = (call: number): void => {
    running--;
    while (queue[0] !== undefined && running < maxConcurrent) {
      running++;
      queue.shift()?.begin(call);
    }
  };
  // A place is held until the work has ended; another policy ends as soon as it is given up.
  const begin: Run = (context, done) => {
    if (inner === undefined) return world.work(context, done, () => leave(context.call));
    const cancel = world.start(inner, context, (end) => {
      leave(context.call);
      done(end);
    });
    return () => {
      cancel();
      agenda.soon(() => leave(context.call));
    };
  };
  return (context, done) => {
    if (running < maxConcurrent && queue.length === 0) {
      running++;
      return begin(context, done);
    }
    const end: End = { isGood: false, label: "full", isRefusal: true };
    const due = Math.min(agenda.now + queueTimeout, context.isKept ? Infinity : context.deadline);
    if (queue.length >= maxQueue || context.deadline <= agenda.now) {
      done(end);
      return nothing;
    }
    const ring =
      due === Infinity
        ? nothing
        : agenda.fairlyAt(due, context.call, () => {
            queue.splice(queue.indexOf(waiter), 1);
            done(end);
          });
    let cancel = (): void => {
      ring();
      queue.splice(queue.indexOf(waiter), 1);
    };
    let own: number | undefined;
    const waiter = {
      call: context.call,
      begin(from: number): void {
        ring();
        if (from === context.call) own = agenda.now;
        let isWanted = true;
        cancel = () => {
          isWanted = false;
        };
        agenda.soon(() => {
          if (isWanted) cancel = begin(context, done);
          else leave(context.call);
        });
      },
    };
    queue.push(waiter);
    return () => {
      // The end of an attempt gives its place to the next one of its call, and ends it: what comes first is not promised.
      if (own === agenda.now) agenda.isAmbiguous = true;
      cancel();
    };
  };
}

function singleFlight(world: World, inner: Run): Run {
  interface Flight {
    readonly callers: Map<(end: End) => void, Pick<Context, "call" | "attempt">>;
    cancel: Cancel;
  }
  let flight: Flight | undefined;
  return ({ call, attempt, isCounted }, done) => {
    let mine = flight;
    if (mine === undefined) {
      const begun: Flight = { callers: new Map(), cancel: nothing };
      mine = begun;
      flight = begun;
      const context: Context = { call, attempt: 1, deadline: Infinity, isKept: false, isCounted };
      begun.cancel = world.start(inner, context, (end) => {
        if (flight === begun) flight = undefined;
        // Those in a later attempt go on some promise jobs later: in which order all of them do is not promised.
        const [first, ...others] = begun.callers.values();
        const isMixed = others.some(
          ({ call: of, attempt: at }) => of !== first?.call && at !== first?.attempt,
        );
        if (!end.isGood && isMixed) world.agenda.isAmbiguous = true;
        for (const tell of begun.callers.keys()) tell(end);
      });
    }
    const joined = mine;
    joined.callers.set(done, { call, attempt });
    return () => {
      joined.callers.delete(done);
      if (joined.callers.size > 0) return;
      if (flight === joined) flight = undefined;
      joined.cancel();
    };
  };
}

function chaos(world: World, inner: Run, { every, latency, isError }: Of<"chaos">): Run {
  const { agenda } = world;
  let calls = 0;
  return (context, done) => {
    if (++calls % every !== 0) return world.start(inner, context, done);
    let cancel = nothing;
    const goOn = (): void => {
      if (isError || latency === 0) done({ isGood: false, label: "chaos" });
      else cancel = world.start(inner, context, done);
    };
    if (latency === 0) goOn();
    else cancel = agenda.at(agenda.now + latency, context.call, goOn);
    return () => cancel();
  };
}

function policyOf(world: World, spec: Spec, inner: Run, name: string, isInnermost: boolean): Run {
  switch (spec.kind) {
    case "timeout":
      return timeout(world, inner, spec, name);
    case "retry":
      return retry(world, inner, spec);
    case "hedge":
      return hedge(world, inner, spec);
    case "fallback":
      return fallback(world, inner, spec);
    case "breaker":
      return breaker(world, inner, spec);
    case "limiter":
      return limiter(world, inner, spec);
    case "bulkhead":
      return bulkhead(world, isInnermost ? undefined : inner, spec);
    case "single-flight":
      return singleFlight(world, inner);
    case "chaos":
      return chaos(world, inner, spec);
  }
}

/** How a call of a scenario ended, and when. */
export interface Settled {
  readonly label: string;
  readonly at: number;
}

/** What comes of a scenario. */
export interface Report {
  readonly settled: readonly (readonly Settled[])[];
  readonly invocations: readonly Invocation[];
}

/**
 * What the policies of a scenario make of its calls, as one would explain it: a simulation of events, without promises,
 * signals or timers. Written from the contract, not from the implementation.
 */
export function interpret(scenario: Scenario): Report & { readonly isAmbiguous: boolean } {
  const world = new World(scenario);
  const { agenda } = world;
  let run: Run = (context, done) => world.work(context, done);
  for (const [index, spec] of [...scenario.policies.entries()].toReversed()) {
    run = policyOf(world, spec, run, `${spec.kind}-${index}`, index === scenario.policies.length - 1);
  }
  const settled: Settled[][] = [];
  const cancels: Cancel[] = [];
  for (const action of scenario.actions) {
    agenda.advanceTo(action.at);
    if (action.do === "freeze") agenda.now += action.length;
    else if (action.do === "abort") {
      if (settled[action.call]?.length === 0)
        settled[action.call]?.push({ label: "aborted", at: agenda.now });
      cancels[action.call]?.();
    } else {
      const { call, remaining = Infinity } = action;
      const ends: Settled[] = (settled[call] = []);
      const deadline = agenda.now + remaining;
      const context: Context = { call, attempt: 1, deadline, isKept: false, isCounted: false };
      cancels[call] = world.start(run, context, ({ label }) => ends.push({ label, at: agenda.now }));
    }
    agenda.settle();
  }
  agenda.advanceTo(1e7);
  return { settled, invocations: world.invocations, isAmbiguous: agenda.isAmbiguous };
}

// Clients and a server in simulated time, with the code that decides on both sides; between them the network is a delay.
import type { Clock, Timer } from "../../../src/kernel/clock.js";
import { Obedience } from "../../../src/http/client/obedience.js";
import { Limiting } from "../../../src/http/server/limiting.js";
import type { Verdict } from "../../../src/http/server/verdict.js";
import { readRateLimitOptions } from "../../../src/http/server/options.js";

export interface World {
  /** Tokens a second, and how many the bucket holds. */
  readonly rate: number;
  readonly burst: number;
  /** A limit beside it. */
  readonly beside?: { readonly rate: number; readonly burst: number } | undefined;
  /** Clients that share the limit, each with so many callers that call as often as they can. */
  readonly clients: number;
  readonly callers: number;
  /** Milliseconds of the way there and back, of which each is between half of it and the whole. */
  readonly latency: number;
  /** What requests cost: one of these, at random. */
  readonly costs: readonly number[];
  /** If not 0: in milliseconds, how often all callers make a few calls, all at the same time, and nothing until the next time. */
  readonly pulse?: number;
  /** Whether the server is not ours, but allows `burst` in each of its windows. */
  readonly isWindow?: boolean;
  /** Whether the server is not ours, but tells nothing of its quota, and when it refuses, only how long to wait. */
  readonly isSilent?: boolean;
  readonly seed: number;
  /** In seconds. */
  readonly duration: number;
}

export interface Found {
  readonly served: number;
  readonly refused: number;
  /** How many of these were sent by a client that had been refused before. */
  readonly refusedAgain: number;
  /** How many tokens were taken in the second half of the time, of those that came in it. */
  readonly share: number;
  /** The least and the most that one client got. */
  readonly least: number;
  readonly most: number;
}

/** A clock whose events come one after the other, as fast as they can be worked off. */
class EventClock implements Clock {
  #now = 0;
  #count = 0;
  readonly #heap: { readonly due: number; readonly order: number; run: (() => void) | undefined }[] = [];

  now(): number {
    return this.#now;
  }

  wallNow(): number {
    return this.#now;
  }

  sleepSync(): void {
    throw new Error("not here");
  }

  setTimer(run: () => void, delay: number): Timer {
    const event = {
      due: this.#now + Math.max(0, delay),
      order: this.#count++,
      run: run as (() => void) | undefined,
    };
    let low = 0;
    let high = this.#heap.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#heap[middle];
      // The next one is last.
      if (
        other !== undefined &&
        (other.due > event.due || (other.due === event.due && other.order > event.order))
      )
        low = middle + 1;
      else high = middle;
    }
    this.#heap.splice(low, 0, event);
    return { cancel: () => (event.run = undefined) };
  }

  /** Runs what is due until then, and what follows from it. */
  async run(until: number): Promise<void> {
    for (;;) {
      // Promises settle before time goes on.
      for (let turn = 0; turn < 6; turn++) await Promise.resolve();
      const event = this.#heap.pop();
      if (event === undefined || event.due > until) return;
      this.#now = event.due;
      event.run?.();
    }
  }
}

type Judge = (cost: number) => { readonly status: 429 | 503 | undefined; readonly fields: Verdict["fields"] };

function bucket({ rate, burst, beside }: World, clock: Clock): Judge {
  const limiting = new Limiting(
    readRateLimitOptions("rateLimit", {
      limits: [{ name: "all", rate, burst }, ...(beside ? [{ name: "beside", ...beside }] : [])],
      key: () => "a",
      cost: (cost: never) => cost,
      clock,
    }),
    () => undefined,
  );
  return (cost) => {
    const verdict = limiting.judgeFrom(cost, undefined, undefined);
    if ("then" in verdict) throw new Error("asked elsewhere");
    return { status: verdict.refusal?.status, fields: verdict.fields };
  };
}

/** A bucket that tells when the next token comes, in whole seconds, and nothing else. */
function silentBucket({ rate, burst }: World, clock: Clock): Judge {
  let tokens = burst;
  let last = 0;
  return (cost) => {
    tokens = Math.min(burst, tokens + ((clock.now() - last) / 1000) * rate);
    last = clock.now();
    const isServed = tokens >= cost;
    if (isServed) tokens -= cost;
    const time = Math.max(1, Math.ceil((cost - tokens) / rate));
    return isServed
      ? { status: undefined, fields: [] }
      : { status: 429, fields: [["Retry-After", `${time}`]] };
  };
}

/** What a server tells, but for the fields of its quota. */
function silent(judge: Judge): Judge {
  return (cost) => {
    const { status, fields } = judge(cost);
    return { status, fields: fields.filter(([name]) => name === "Retry-After") };
  };
}

function judgeOf(world: World, clock: Clock): Judge {
  const { isWindow = false, isSilent = false } = world;
  if (isWindow) return isSilent ? silent(fixedWindow(world, clock)) : fixedWindow(world, clock);
  return isSilent ? silentBucket(world, clock) : bucket(world, clock);
}

function fixedWindow({ rate, burst }: World, clock: Clock): Judge {
  const length = Math.ceil(burst / rate);
  let used = 0;
  let end = 0;
  return () => {
    if (clock.now() >= end) {
      used = 0;
      end = clock.now() + length * 1000;
    }
    const isRefused = used >= burst;
    if (!isRefused) used++;
    const time = Math.ceil((end - clock.now()) / 1000);
    return {
      status: isRefused ? 429 : undefined,
      fields: [
        ["RateLimit", `"all";r=${burst - used};t=${time}`],
        ["RateLimit-Policy", `"all";q=${burst};w=${length}`],
        ...(isRefused ? [["Retry-After", String(time)] satisfies [string, string]] : []),
      ],
    };
  };
}

export async function simulate(world: World): Promise<Found> {
  const { rate, clients, callers, latency, costs, pulse = 0, duration } = world;
  let state = world.seed || 1;
  const draw = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const clock = new EventClock();
  const judge = judgeOf(world, clock);
  const got = Array.from({ length: clients }, () => 0);
  let refused = 0;
  let refusedAgain = 0;
  let spent = 0;
  const way = (): number => (latency / 4) * (1 + draw());
  const answer = (cost: number, client: number): { status: number; headers: Headers } => {
    const verdict = judge(cost);
    if (verdict.status === 429) refused++;
    else {
      got[client] = (got[client] ?? 0) + 1;
      if (clock.now() >= duration * 500) spent += cost;
    }
    return {
      status: verdict.status ?? 200,
      headers: new Headers(verdict.fields.map(([name, value]) => [name, value])),
    };
  };
  for (let client = 0; client < clients; client++) {
    const obedience = new Obedience("http", undefined, clock, () => undefined);
    const after = (delay: number): Promise<void> => new Promise((resolve) => clock.setTimer(resolve, delay));
    let isRefused = false;
    const fetch = async (): Promise<unknown> => {
      const isAgain = isRefused;
      const cost = costs[Math.floor(draw() * costs.length)] ?? 1;
      await after(way());
      const given = answer(cost, client);
      await after(way());
      if (given.status === 429) {
        isRefused = true;
        if (isAgain) refusedAgain++;
      }
      return given;
    };
    const call = async (): Promise<void> => {
      for (;;) {
        for (let count = 0; count < 3; count++) await obedience.execute(fetch);
        if (pulse > 0) await after(pulse - (clock.now() % pulse));
      }
    };
    for (let caller = 0; caller < callers; caller++) void call();
  }
  await clock.run(duration * 1000);
  const possible = (rate * duration) / 2;
  return {
    served: got.reduce((sum, each) => sum + each, 0),
    refused,
    refusedAgain,
    share: spent / possible,
    least: Math.min(...got),
    most: Math.max(...got),
  };
}

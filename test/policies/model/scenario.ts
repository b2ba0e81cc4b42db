/** A policy of a scenario; times in milliseconds. */
export type Spec =
  | { readonly kind: "timeout"; readonly timeout: number }
  | {
      readonly kind: "retry";
      readonly attempts: number;
      readonly initial: number;
      readonly factor: number;
      readonly max: number;
      readonly maxDuration: number;
      readonly waitsForOpen: boolean;
      readonly hasBudget: boolean;
    }
  | {
      readonly kind: "hedge";
      readonly delay: number;
      readonly maxHedges: number;
      readonly hasBudget: boolean;
    }
  | { readonly kind: "fallback"; readonly to: string | undefined; readonly maxAge: number | undefined }
  | { readonly kind: "breaker"; readonly maxFailures: number; readonly resetTimeout: number }
  | { readonly kind: "limiter"; readonly interval: number; readonly burst: number; readonly maxQueue: number }
  | {
      readonly kind: "bulkhead";
      readonly maxConcurrent: number;
      readonly maxQueue: number;
      readonly queueTimeout: number;
    }
  | { readonly kind: "single-flight" }
  | { readonly kind: "chaos"; readonly every: number; readonly latency: number; readonly isError: boolean };

/** How one call of the work ends. */
export interface Script {
  /** 0: at once, synchronously. */
  readonly latency: number;
  readonly end: "well" | "failed" | "mistaken" | "busy";
  /** What one that is busy asks to wait. */
  readonly retryAfter: number;
  /** It settles as soon as its signal aborts; otherwise it goes on. */
  readonly heeds: boolean;
}

export type Action =
  | {
      readonly at: number;
      readonly do: "call";
      readonly call: number;
      readonly remaining: number | undefined;
    }
  | { readonly at: number; readonly do: "abort"; readonly call: number }
  | { readonly at: number; readonly do: "freeze"; readonly length: number };

export interface Scenario {
  /** Outermost first. */
  readonly policies: readonly Spec[];
  /** Of one call of the work after the other, over and over. */
  readonly scripts: readonly Script[];
  readonly actions: readonly Action[];
  /** Each call has a signal of its own; otherwise none has one, and none is aborted. */
  readonly haveSignals: boolean;
  /** Of the budget that retries and hedges share: how many extra attempts there are, and for each call. */
  readonly budget: { readonly floor: number; readonly ratio: number };
}

/** How a call of the work ends, by its number. */
export function scriptOf({ scripts }: Scenario, number: number): Script {
  const script = scripts[number % scripts.length];
  if (script === undefined) throw new Error("a scenario without scripts");
  return script;
}

/** Numbers from 0 up to 1, the same for a seed: mulberry32, T. Ettinger, 2017. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The scenario of a seed. Times have fractions, so that two of them are hardly ever the same. */
export function scenarioOf(seed: number): Scenario {
  const random = randomOf(seed);
  const between = (low: number, high: number): number => low + random() * (high - low);
  const whole = (low: number, high: number): number => Math.floor(between(low, high + 1));
  const chance = (share: number): boolean => random() < share;

  const policy: Record<Spec["kind"], () => Spec> = {
    timeout: () => ({ kind: "timeout", timeout: between(50, 3000) }),
    retry: () => ({
      kind: "retry",
      attempts: whole(1, 4),
      initial: between(5, 500),
      factor: between(1, 3),
      max: between(500, 2000),
      maxDuration: chance(0.3) ? between(100, 3000) : Infinity,
      waitsForOpen: chance(0.3),
      hasBudget: chance(0.5),
    }),
    hedge: () => ({
      kind: "hedge",
      delay: between(20, 800),
      maxHedges: whole(1, 2),
      hasBudget: chance(0.5),
    }),
    fallback: () => {
      const maxAge = chance(0.5) ? between(100, 5000) : undefined;
      return { kind: "fallback", to: maxAge === undefined || chance(0.5) ? "instead" : undefined, maxAge };
    },
    breaker: () => ({ kind: "breaker", maxFailures: whole(1, 4), resetTimeout: between(100, 2000) }),
    limiter: () => ({
      kind: "limiter",
      interval: between(20, 600),
      burst: whole(1, 3),
      maxQueue: whole(0, 4),
    }),
    bulkhead: () => ({
      kind: "bulkhead",
      maxConcurrent: whole(1, 3),
      maxQueue: whole(0, 3),
      queueTimeout: chance(0.5) ? between(50, 2000) : Infinity,
    }),
    "single-flight": () => ({ kind: "single-flight" }),
    chaos: () => ({
      kind: "chaos",
      every: whole(1, 4),
      latency: chance(0.6) ? between(10, 500) : 0,
      isError: chance(0.5),
    }),
  };
  const kinds = Object.keys(policy) as Spec["kind"][];
  const drawn = Array.from({ length: whole(1, 6) }, () =>
    policy[kinds[whole(0, kinds.length - 1)] ?? "retry"](),
  );
  const has = (kind: Spec["kind"]): boolean => drawn.some((spec) => spec.kind === kind);
  // All callers of a flight would get places at one time: in which order is not promised.
  const kept = drawn.filter(({ kind }) => kind !== "single-flight" || drawn.length === 1 || !has("bulkhead"));
  // An attempt that succeeds gives its place to a hedge that waits, and ends it: what comes first is not promised.
  const isWithin = (index: number): boolean => kept.slice(0, index).some(({ kind }) => kind === "hedge");
  const policies = kept.map((spec, index) =>
    spec.kind === "bulkhead" && isWithin(index) && chance(0.7) ? { ...spec, maxQueue: 0 } : spec,
  );

  // Calls that share a flight, or get the place of another, would go on at one time.
  const mayBeSync = !has("single-flight") && !has("bulkhead");
  const ends: readonly Script["end"][] = ["well", "well", "well", "failed", "failed", "mistaken", "busy"];
  const scripts = Array.from({ length: whole(1, 8) }, (): Script => ({
    latency: mayBeSync && chance(0.15) ? 0 : chance(0.1) ? between(5000, 20_000) : between(1, 900),
    end: ends[whole(0, ends.length - 1)] ?? "well",
    retryAfter: between(50, 2000),
    heeds: chance(0.5),
  }));

  const haveSignals = chance(0.7);
  const actions: Action[] = [];
  const calls = whole(1, 6);
  for (let call = 0; call < calls; call++) {
    const at = between(0, 3000);
    const remaining = chance(0.2) ? between(0, 3000) : undefined;
    actions.push({ at, do: "call", call, remaining });
    if (haveSignals && chance(0.3)) actions.push({ at: at + between(0, 2000), do: "abort", call });
  }
  for (let freezes = whole(0, 2); freezes > 0; freezes--) {
    actions.push({ at: between(0, 4000), do: "freeze", length: between(20, 3000) });
  }
  actions.sort((one, other) => one.at - other.at);
  return {
    policies,
    scripts,
    actions,
    haveSignals,
    budget: { floor: whole(0, 5), ratio: chance(0.5) ? 0.5 : 0 },
  };
}

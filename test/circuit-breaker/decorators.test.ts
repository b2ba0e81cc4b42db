import { expect, test } from "vitest";
import { CircuitOpenError } from "../../src/circuit-breaker/errors.js";
import { circuitBreaker, circuitBreakerSync } from "../../src/circuit-breaker/decorators.js";
import { pushConfiguration } from "../../src/kernel/configured.js";

const down = new Error("down");

class Exchange {
  readonly #owner: string;

  constructor(owner: string) {
    this.#owner = owner;
  }

  @circuitBreaker({ name: "ticker", maxFailures: 1 })
  async ticker(pair: string, fail = false): Promise<string> {
    if (fail) throw down;
    return `${this.#owner} ${pair}`;
  }

  @circuitBreaker
  async plain(): Promise<string> {
    return this.#owner;
  }

  @circuitBreakerSync({ maxFailures: 1 })
  parse(text: string): unknown {
    return JSON.parse(text) as unknown;
  }

  @circuitBreakerSync
  static version(): number {
    return 1;
  }
}

test("a decorated method keeps this, parameters and result", async () => {
  const exchange = new Exchange("ann");
  expect(await exchange.ticker("BTC")).toBe("ann BTC");
  expect(await exchange.plain()).toBe("ann");
  expect(exchange.parse("1")).toBe(1);
  expect(Exchange.version()).toBe(1);
  // oxlint-disable-next-line typescript/unbound-method -- only looked at
  expect([exchange.ticker.name, exchange.ticker.length, exchange.parse.name]).toEqual(["ticker", 1, "parse"]);
});

test("all instances share the breaker of a decorated method", async () => {
  await expect(new Exchange("ann").ticker("BTC", true)).rejects.toBe(down);
  await expect(new Exchange("bob").ticker("BTC")).rejects.toBeInstanceOf(CircuitOpenError);
  expect(() => new Exchange("ann").parse("{")).toThrow(SyntaxError);
  expect(() => new Exchange("ann").parse("1")).toThrow(CircuitOpenError);
});

test("functions are wrapped with and without options", async () => {
  const double = (n: number): number => n * 2;
  for (const wrapped of [
    circuitBreaker(double),
    circuitBreaker()(double),
    circuitBreaker({ maxFailures: 1 })(double),
  ]) {
    expect(await wrapped(2)).toBe(4);
    expect(wrapped.breaker.stats.successfulCalls).toBe(1);
    expect(wrapped.name).toBe("double");
  }
  for (const wrapped of [
    circuitBreakerSync(double),
    circuitBreakerSync()(double),
    circuitBreakerSync({ maxFailures: 1 })(double),
  ]) {
    expect(wrapped(2)).toBe(4);
    expect(wrapped.breaker.stats.successfulCalls).toBe(1);
  }
});

test("a wrapped synchronous function that throws becomes a promise that rejects", async () => {
  const fails = circuitBreaker((): string => {
    throw down;
  });
  await expect(fails()).rejects.toBe(down);
});

test("without options the configured defaults apply", async () => {
  using _pushed = pushConfiguration({ circuitBreaker: { maxFailures: 1 } });
  const fails = circuitBreaker(() => Promise.reject(down));
  await expect(fails()).rejects.toBe(down);
  expect(fails.breaker.state).toBe("open");
});

test("one call with options makes one breaker for all it wraps", () => {
  const guard = circuitBreaker({ name: "shared" });
  expect(guard(() => 1).breaker).toBe(guard(() => 2).breaker);
});

test("anything but a function or a method is refused", () => {
  const legacy = circuitBreaker as unknown as (...args: unknown[]) => unknown;
  expect(() => legacy({}, "price", undefined)).toThrow(/decorates methods; got "price"/);
  expect(() => legacy(Exchange, { kind: "class" })).toThrow(/decorates methods; got "class"/);
  expect(() => (circuitBreaker() as unknown as (fn: unknown) => unknown)(5)).toThrow(
    /needs a function; got 5/,
  );
});

test("with perInstance each instance has its own circuit", async () => {
  const guarded = circuitBreaker({ maxFailures: 1, perInstance: true });
  const guardedSync = circuitBreakerSync({ maxFailures: 1, perInstance: true });
  class Client {
    @guarded
    async get(this: Client, fail: boolean): Promise<Client> {
      if (fail) throw down;
      return this;
    }

    @guarded
    async post(): Promise<number> {
      return 1;
    }

    @guardedSync
    parse(text: string): unknown {
      return JSON.parse(text) as unknown;
    }
  }
  const [one, two] = [new Client(), new Client()];
  await expect(one.get(true)).rejects.toBe(down);
  await expect(one.get(false)).rejects.toThrow(CircuitOpenError);
  await expect(one.post()).rejects.toThrow(CircuitOpenError);
  expect(await two.get(false)).toBe(two);
  expect(() => one.parse("{")).toThrow(SyntaxError);
  expect(() => one.parse("1")).toThrow(CircuitOpenError);
  expect(two.parse("1")).toBe(1);

  const limited = guarded(async () => 1);
  expect(limited.breakerOf(one)).not.toBe(limited.breakerOf(two));
  expect(limited.breakerOf(one).state).toBe("open");
  expect(limited.breakerOf(undefined)).toBe(limited.breaker);
  expect(await limited()).toBe(1);
  expect(limited.breaker.stats.totalCalls).toBe(1);
});

test("without perInstance the circuit of every instance is the one", () => {
  const guarded = circuitBreaker({ maxFailures: 1 })(async () => 1);
  expect(guarded.breakerOf({})).toBe(guarded.breaker);
  expect(guarded.breaker.wrap(async () => 1).breakerOf({})).toBe(guarded.breaker);
});

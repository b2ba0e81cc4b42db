// The patterns that need nothing but timers, and the configuration file.
import { CircuitBreaker, CircuitOpenError, RateLimiter, ResilienceError } from "@kstlib/resilience";
import { say } from "./say.mjs";

const boom = () => {
  throw new Error("boom");
};

const scenarios = {
  import() {
    const error = new ResilienceError("ERR_SHOWN", "shown");
    say("imported", { name: error.name, code: error.code });
  },
  async breaker() {
    const breaker = new CircuitBreaker({ maxFailures: 2, resetTimeout: "200ms" });
    await breaker.call(async () => boom()).catch(() => {});
    await breaker.call(async () => boom()).catch(() => {});
    const refused = await breaker.call(async () => 1).catch((error) => error);
    say("open", { state: breaker.state, refused: refused instanceof CircuitOpenError });
    await new Promise((resolve) => setTimeout(resolve, 300));
    say("closed", { result: await breaker.call(async () => 42), state: breaker.state });
  },
  "breaker-sync"() {
    const breaker = new CircuitBreaker({ maxFailures: 1, resetTimeout: 30 });
    try {
      breaker.callSync(boom);
    } catch (error) {
      say("thrown", { message: error.message });
    }
    try {
      breaker.callSync(() => 1);
    } catch (error) {
      say("open", { refused: error instanceof CircuitOpenError });
    }
  },
  "limiter-sync"() {
    const limiter = new RateLimiter({ rate: 5, per: 1, burst: 1 });
    const began = performance.now();
    for (let call = 0; call < 3; call++) limiter.acquireSync({ timeout: 5 });
    say("acquired", { seconds: (performance.now() - began) / 1000 });
  },
  async "fake-timers"() {
    const { mock } = await import("node:test");
    const limiter = new RateLimiter({ rate: 1, per: 60 });
    const breaker = new CircuitBreaker({ maxFailures: 1, resetTimeout: "10m" });
    limiter.tryAcquire();
    await breaker.call(async () => boom()).catch(() => {});
    // Created while the clocks of both are real; performance.now() stays real.
    mock.timers.enable({ apis: ["setTimeout", "Date"] });
    let isWoken = false;
    const waiter = limiter.acquire().then(() => (isWoken = true));
    await Promise.resolve();
    say("frozen", { isWoken, state: breaker.state });
    mock.timers.tick(60_000);
    await waiter;
    say("minute", { state: breaker.state });
    mock.timers.tick(540_000);
    say("moved", { state: breaker.state });
    mock.timers.reset();
    const late = new RateLimiter({ rate: 20, burst: 1 });
    late.tryAcquire();
    await late.acquire();
    say("real");
  },
  async config() {
    const { loadConfig } = await import("@kstlib/resilience/config");
    const { configure } = await import("@kstlib/resilience");
    const configured = configure(loadConfig({ path: process.argv[3] }));
    const limiter = new RateLimiter({ name: "exchange" });
    say("configured", { rate: limiter.rate, per: limiter.per });
    configured[Symbol.dispose]();
  },
};

await scenarios[process.argv[2]]();

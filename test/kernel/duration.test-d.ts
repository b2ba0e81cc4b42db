import { expectTypeOf, test } from "vitest";
import type { CircuitBreakerOptions } from "../../src/circuit-breaker/options.js";
import { asDuration, type Duration } from "../../src/kernel/duration.js";
import { rateLimiter } from "../../src/rate-limiter/decorators.js";
import type { RateLimiterOptions } from "../../src/rate-limiter/options.js";

test("a duration is a number, or a text that says its unit", () => {
  expectTypeOf<
    1 | 0.5 | "250ms" | "30s" | "1.5s" | "5m" | "1h30m" | "1d" | "1d2h3m4s5ms"
  >().toExtend<Duration>();
  expectTypeOf<`${number}s`>().toExtend<Duration>();
  for (const seconds of [1, 2]) expectTypeOf(`${seconds}s` as const).toExtend<Duration>();
  expectTypeOf<"30 sec">().not.toExtend<Duration>();
  expectTypeOf<"minute">().not.toExtend<Duration>();
  expectTypeOf<"30">().not.toExtend<Duration>();
  expectTypeOf<"">().not.toExtend<Duration>();
  expectTypeOf<"30m1h">().not.toExtend<Duration>();
  expectTypeOf<string>().not.toExtend<Duration>();
});

test("an option with a unit that does not exist does not compile", () => {
  // @ts-expect-error the unit is s
  expectTypeOf<CircuitBreakerOptions>({ resetTimeout: "30 sec" });
  // @ts-expect-error nothing says how many
  expectTypeOf<RateLimiterOptions>({ rate: 10, per: "minute" });
  // @ts-expect-error the unit is s
  void rateLimiter({ rate: 10, timeout: "5 seconds" });
  expectTypeOf<CircuitBreakerOptions>({ resetTimeout: { initial: "5s", factor: 2, max: "5m" } });
});

test("a text that the compiler does not know is checked by asDuration", () => {
  expectTypeOf(asDuration(process.env["RESET_TIMEOUT"])).toEqualTypeOf<Duration>();
  const written = { resetTimeout: "30s" } as const;
  expectTypeOf(written).toExtend<CircuitBreakerOptions>();
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { CircuitBreaker } from "../../src/circuit-breaker/circuit-breaker.js";
import { CircuitOpenError } from "../../src/circuit-breaker/errors.js";
import { realClock } from "../../src/kernel/clock.js";

test("a call made after the seconds that a refusal gave is not refused again, from any origin of the clock", () => {
  const origins = fc.oneof(
    fc.constantFrom(0, 0.1, 5e6, 1.7e12, 1e13, -1e13),
    fc.double({ min: 0, max: 1e13, noNaN: true }),
  );
  fc.assert(
    fc.property(
      origins,
      fc.double({ min: 0.001, max: 3600, noNaN: true }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (origin, resetTimeout, share) => {
        let reading = origin;
        const breaker = new CircuitBreaker({
          maxFailures: 1,
          resetTimeout,
          clock: { ...realClock, now: () => reading },
        });
        const fail = (): never => {
          throw new Error("down");
        };
        expect(() => breaker.callSync(fail)).toThrow("down");
        reading += share * resetTimeout * 1000;
        const refused: unknown[] = [];
        try {
          breaker.callSync(() => {});
        } catch (error) {
          refused.push(error);
        }
        const [error] = refused;
        reading += error instanceof CircuitOpenError ? error.remainingSeconds * 1000 : 0;
        // Not refused: the clock's step from there reached the end already.
        expect(breaker.state).toBe(error === undefined ? "closed" : "half-open");
      },
    ),
    // One in a hundred is rounded the wrong way.
    { numRuns: 3000, examples: [[936.8411973627695, 969.9651540377017, 0.2181]] },
  );
});

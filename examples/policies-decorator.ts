// Policies as decorators of methods: each on its own, and a whole pipeline.
import assert from "node:assert/strict";
import { fallback, resilient, retry, timeout } from "@kstlib/resilience";

const api = resilient({
  name: "quotes",
  retry: { attempts: 3, delay: "5ms" },
  circuitBreaker: { maxFailures: 5 },
});

class Quotes {
  requests = 0;

  @api.decorator
  async latest(): Promise<string> {
    if (++this.requests < 3) throw new Error("connection reset");
    return `a quote after ${this.requests} requests`;
  }

  // The decorator nearest to the method is the innermost policy.
  @fallback({ to: "an old quote" })
  @retry({ attempts: 2, delay: "5ms" })
  @timeout({ timeout: "20ms" })
  async slow(): Promise<string> {
    this.requests++;
    await new Promise((resolve) => setTimeout(resolve, 60));
    return "too late";
  }
}

const quotes = new Quotes();
console.log(await quotes.latest());

quotes.requests = 0;
console.log(`${await quotes.slow()} after ${quotes.requests} timeouts`);
assert.equal(quotes.requests, 2);
assert.equal(api.circuitBreaker.state, "closed");

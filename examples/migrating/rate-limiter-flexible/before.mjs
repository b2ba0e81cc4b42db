// rate-limiter-flexible: points for each key, a key that is blocked, and points given back.
import { RateLimiterMemory } from "rate-limiter-flexible";

const limiter = new RateLimiterMemory({ points: 3, duration: 60, blockDuration: 600 });

async function login(user) {
  try {
    const { remainingPoints } = await limiter.consume(user);
    console.log(`${user}: admitted, ${remainingPoints} left`);
  } catch (refusal) {
    if (refusal instanceof Error) throw refusal;
    console.log(`${user}: refused, blocked: ${refusal.msBeforeNext > 60_000}`);
  }
}

await login("ada");
await limiter.reward("ada"); // a good password does not count
for (let attempt = 1; attempt <= 5; attempt++) await login("ada");
await login("bob");
await limiter.block("bob", 120);
await login("bob");
await limiter.delete("ada");
await login("ada");

// The same with this package.
import { KeyedRateLimiter } from "@kstlib/resilience";

const limiter = new KeyedRateLimiter({ rate: 3, per: "60s" });

async function login(user) {
  if (limiter.tryAcquire(user)) {
    console.log(`${user}: admitted, ${Math.floor(limiter.tokens(user))} left`);
    return;
  }
  if (limiter.timeUntilToken(user) < 60) limiter.block(user, "10m");
  console.log(`${user}: refused, blocked: ${limiter.timeUntilToken(user) > 60}`);
}

await login("ada");
limiter.giveBack("ada"); // a good password does not count
for (let attempt = 1; attempt <= 5; attempt++) await login("ada");
await login("bob");
limiter.block("bob", "120s");
await login("bob");
limiter.reset("ada");
await login("ada");

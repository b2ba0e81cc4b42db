// The same with this package.
import { RateLimiter } from "@kstlib/resilience";

const hourly = new RateLimiter({ rate: 5, per: "1h" });
console.log("taken:", hourly.tryAcquire(3), hourly.tryAcquire(3), hourly.tryAcquire(2));
console.log("left:", Math.floor(hourly.tokens), "wait:", hourly.timeUntilToken() > 60);

const fast = new RateLimiter({ rate: 2, per: "200ms" });
const order = [];
const began = performance.now();
await Promise.all(
  [1, 2, 3, 4, 5, 6].map(async (call) => {
    await fast.acquire();
    order.push(call);
  }),
);
console.log("in order:", ...order);
console.log("not before their time:", performance.now() - began > 395);
await hourly.acquire({ cost: 6 }).catch(() => console.log("more than the bucket holds: refused"));

// limiter: tokens that are taken or not, and tokens that are waited for.
import { RateLimiter } from "limiter";

const hourly = new RateLimiter({ tokensPerInterval: 5, interval: "hour" });
console.log("taken:", hourly.tryRemoveTokens(3), hourly.tryRemoveTokens(3), hourly.tryRemoveTokens(2));
console.log("left:", Math.floor(hourly.getTokensRemaining()), "wait:", hourly.getWaitTime(1) > 60_000);

const fast = new RateLimiter({ tokensPerInterval: 2, interval: 200 });
const order = [];
const began = performance.now();
await Promise.all(
  [1, 2, 3, 4, 5, 6].map(async (call) => {
    await fast.removeTokens(1);
    order.push(call);
  }),
);
console.log("in order:", ...order);
console.log("not before their time:", performance.now() - began > 395);
await hourly.removeTokens(6).catch(() => console.log("more than the bucket holds: refused"));

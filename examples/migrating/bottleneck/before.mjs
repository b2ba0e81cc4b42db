// bottleneck: at most two jobs at once, a pause between beginnings, and a queue with an end.
import { setTimeout as sleep } from "node:timers/promises";
import Bottleneck from "bottleneck";

const limiter = new Bottleneck({
  maxConcurrent: 2,
  minTime: 50,
  highWater: 4,
  strategy: Bottleneck.strategy.OVERFLOW,
});
let running = 0;
let most = 0;
const began = [];
const job = limiter.wrap(async (id) => {
  began.push({ id, at: performance.now() });
  most = Math.max(most, ++running);
  await sleep(120);
  running--;
  return id;
});

const jobs = [];
for (let id = 1; id <= 8; id++) {
  jobs.push(job(id).catch((error) => `${id} refused: ${error instanceof Bottleneck.BottleneckError}`));
  await sleep(0);
}
console.log(...(await Promise.all(jobs)));
console.log("began:", ...began.map(({ id }) => id), "at most", most, "at once");
const isSpaced = began.every(({ at }, index) => at - began[0].at > index * 50 - 5);
console.log("none before its time:", isSpaced);

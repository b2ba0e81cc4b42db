// What a call through a bulkhead costs: beside p-limit, which has a queue of all calls.
import { Bulkhead } from "@kstlib/resilience";
import { measure, peer, ratio, report } from "../measure.mjs";

const bulkhead = new Bulkhead({ maxConcurrent: 10 });
const limit = await peer("p-limit", () => import("p-limit"));
const one = async () => 1;

const subjects = {
  async bulkhead(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += await bulkhead.execute(one);
    return sum;
  },
};
if (limit.module) {
  const run = limit.module.default(10);
  subjects.limit = async (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += await run(one);
    return sum;
  };
}
const times = await measure(subjects);
const label = "call / p-limit";
report([
  limit.module
    ? { id: "call", label, value: ratio(times.bulkhead, times.limit), unit: "x", max: 0.7 }
    : { id: "call", label, missing: limit.missing },
]);

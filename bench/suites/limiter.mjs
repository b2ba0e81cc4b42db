// The cost of a decision of the limiter: compared with a bare clock reading, `limiter` and `rate-limiter-flexible`.
// `performance` is imported: the global is a getter, whose cost would make the others look faster.
import { performance } from "node:perf_hooks";
import { KeyedRateLimiter, RateLimiter, SharedBucket } from "@kstlib/resilience";
import { measure, peer, ratio, report } from "../measure.mjs";

const plenty = () => new RateLimiter({ rate: 1e9, per: 1, burst: 1e9 });
const drained = new RateLimiter({ rate: 1, per: "7d", burst: 1 });
drained.tryAcquire();
const admitting = plenty();
const shared = new SharedBucket({ rate: 1e9, burst: 1e9 });
const drainedShared = new SharedBucket({ rate: 1, per: "7d", burst: 1 });
drainedShared.tryAcquire();

const limiter = await peer("limiter", () => import("limiter"));
const flexible = await peer("rate-limiter-flexible", () => import("rate-limiter-flexible"));

const subjects = {
  now(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += performance.now();
    return sum;
  },
  admitted(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += admitting.tryAcquire() ? 1 : 0;
    return sum;
  },
  refused(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += drained.tryAcquire() ? 1 : 0;
    return sum;
  },
  shared(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += shared.tryAcquire() ? 1 : 0;
    return sum;
  },
  sharedRefused(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += drainedShared.tryAcquire() ? 1 : 0;
    return sum;
  },
};
if (limiter.module) {
  const theirs = new limiter.module.RateLimiter({ tokensPerInterval: 1e12, interval: "second" });
  const theirsDrained = new limiter.module.RateLimiter({ tokensPerInterval: 1, interval: 7 * 86_400_000 });
  theirsDrained.tryRemoveTokens(1);
  subjects.limiterAdmitted = (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += theirs.tryRemoveTokens(1) ? 1 : 0;
    return sum;
  };
  subjects.limiterRefused = (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += theirsDrained.tryRemoveTokens(1) ? 1 : 0;
    return sum;
  };
}
const sync = await measure(subjects);

const keyed = new KeyedRateLimiter({ rate: 1e9, per: 1, burst: 1e9, maxKeys: 1000 });
const asyncSubjects = {
  async acquire(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) {
      await admitting.acquire();
      sum++;
    }
    return sum;
  },
  // Beside the asynchronous ones, so that all see the same moments of the machine.
  tryAcquire(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += admitting.tryAcquire() ? 1 : 0;
    return sum;
  },
  keyed(n) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += keyed.tryAcquire("key") ? 1 : 0;
    return sum;
  },
};
if (flexible.module) {
  const { RateLimiterMemory } = flexible.module.default ?? flexible.module;
  const theirs = new RateLimiterMemory({ points: 1e12, duration: 3600 });
  asyncSubjects.flexible = async (n) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += (await theirs.consume("key")).remainingPoints > 0 ? 1 : 0;
    return sum;
  };
}
const async = await measure(asyncSubjects, { size: 20_000 });

const against = (other, row) =>
  other.missing === undefined ? row() : { ...row.title, missing: other.missing };
const row = (title, value, bound) =>
  Object.assign(() => ({ ...title, value: value(), unit: "x", ...bound }), { title });

report([
  {
    id: "admitted",
    label: "tryAcquire, admitted / performance.now()",
    value: ratio(sync.admitted, sync.now),
    unit: "x",
    max: 1.25,
  },
  {
    id: "refused",
    label: "tryAcquire, refused / performance.now()",
    value: ratio(sync.refused, sync.now),
    unit: "x",
    max: 1.25,
  },
  {
    id: "shared",
    label: "tryAcquire of a SharedBucket, admitted / of a RateLimiter",
    value: ratio(sync.shared, sync.admitted),
    unit: "x",
    max: 1.3,
  },
  {
    id: "shared-refused",
    label: "tryAcquire of a SharedBucket, refused / of a RateLimiter",
    value: ratio(sync.sharedRefused, sync.refused),
    unit: "x",
    max: 1.3,
  },
  against(
    limiter,
    row(
      { id: "limiter-admitted", label: "admitted / tryRemoveTokens of limiter" },
      () => ratio(sync.admitted, sync.limiterAdmitted),
      { max: 1 },
    ),
  ),
  against(
    limiter,
    row(
      { id: "limiter-refused", label: "refused / tryRemoveTokens of limiter" },
      () => ratio(sync.refused, sync.limiterRefused),
      { max: 1 },
    ),
  ),
  against(
    flexible,
    row(
      { id: "flexible", label: "consume of rate-limiter-flexible / tryAcquire" },
      () => ratio(async.flexible, async.tryAcquire),
      { min: 4 },
    ),
  ),
  against(
    flexible,
    row(
      { id: "flexible-keyed", label: "consume of rate-limiter-flexible / keyed tryAcquire" },
      () => ratio(async.flexible, async.keyed),
      {},
    ),
  ),
  against(
    flexible,
    row(
      { id: "flexible-async", label: "consume of rate-limiter-flexible / await acquire" },
      () => ratio(async.flexible, async.acquire),
      {},
    ),
  ),
]);
process.exit(0);

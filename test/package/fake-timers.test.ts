import { expect, test } from "vitest";
import { type Program, Project } from "./project.js";

/**
 * What has to hold under every kind of fake timers: `start` begins the fake time, `advance` moves it by
 * milliseconds, `end` goes back to the real one. `early` has the package loaded before, else under the fake.
 */
const SCENARIO = `
const assert = require("node:assert");
const drain = async () => { for (let turn = 0; turn < 50; turn++) await null; };

module.exports = async ({ start, advance, end, early }) => {
  if (!early) await start();
  const { CircuitBreaker, Heartbeat, KeyedRateLimiter, RateLimiter } = require("@kstlib/resilience");
  const limiter = new RateLimiter({ rate: 1, per: 5 });
  const breaker = new CircuitBreaker({ maxFailures: 1, resetTimeout: "30s" });
  const keyed = new KeyedRateLimiter({ rate: 1 });
  const trip = () => breaker.call(() => Promise.reject(new Error("down"))).catch(() => {});
  assert(limiter.tryAcquire() && keyed.tryAcquire("a"));
  await trip();
  if (early) await start();
  const move = async (milliseconds) => { await advance(milliseconds); await drain(); };
  const watch = (promise) => {
    const seen = { done: false };
    promise.then(() => (seen.done = true), (error) => (seen.error = error));
    return seen;
  };

  let looks = 0;
  const heartbeat = new Heartbeat({ interval: 10, target: { get isDead() { looks++; return false; } } });
  heartbeat.start();
  const begun = looks;
  // Whatever was real before, nothing has to be waited for longer than it would have been.
  const first = watch(limiter.acquire({ timeout: 6 }));
  const late = watch(limiter.acquire({ timeout: 6 }));
  await drain();
  assert.deepEqual([first.done, breaker.state, keyed.tryAcquire("a")], [false, "open", false], "frozen");
  assert(late.error.retryAfter > 6 && late.error.retryAfter <= 10, "refused at once");
  for (let second = 0; second < 5; second++) await move(1000);
  assert.deepEqual([first.done, keyed.tryAcquire("a")], [true, true], "5 s");
  for (let second = 0; second < 26; second++) await move(1000);
  assert.equal(breaker.state, "half-open", "31 s");
  assert.equal(looks - begun, 3, "three intervals of the heartbeat");
  // In one step, to the millisecond.
  const exact = new RateLimiter({ rate: 10, burst: 1 });
  exact.tryAcquire();
  const tenth = watch(exact.acquire());
  await move(99);
  assert(!tenth.done, "99 ms");
  await move(1);
  assert(tenth.done, "100 ms");

  await breaker.call(async () => {});
  await trip();
  const patient = new RateLimiter({ rate: 20, burst: 1 });
  patient.tryAcquire();
  const outlived = patient.acquire();
  await drain();
  await end();

  // The real time goes on from there: nobody has to wait for what the fake one was ahead or behind.
  const before = process.hrtime.bigint();
  assert.equal(breaker.state, "open", "as it was");
  await outlived;
  await patient.acquire();
  const seconds = Number(process.hrtime.bigint() - before) / 1e9;
  assert(seconds > 0.05 && seconds < 5, "real time: " + seconds);
  assert(breaker.snapshot().state === "open");
  await heartbeat.stop();
  console.log("FAKED WELL, loaded " + (early ? "before" : "after"));
};
`;

/** Each runs the scenario twice: the package loaded before the fake time begins, and after. */
function projectWith(files: Record<string, (early: boolean) => string>, ...packages: string[]): Project {
  const project = new Project().link(...packages);
  project.write("scenario.cjs", SCENARIO);
  for (const [file, text] of Object.entries(files)) {
    for (const early of [true, false]) project.write(`${early ? "before" : "after"}.${file}`, text(early));
  }
  return project;
}

/** How the program ended, and which of the two scenarios it says went well. */
async function outcome(program: Program): Promise<unknown[]> {
  const end = await program.end();
  const well = ["before", "after"].filter((when) => program.printed.includes(`FAKED WELL, loaded ${when}`));
  // What it printed, where that is of use.
  return end === 0 ? [end, ...well] : [end, program.printed];
}

const GOOD = [0, "before", "after"];

test("under Sinon's fake timers advancing the time moves everything, and restoring them gives control back", async () => {
  const project = projectWith(
    {
      "sinon.cjs": (early) => `
        const sinon = require("sinon");
        let clock;
        module.exports = () => require("./scenario.cjs")({
          start: () => { clock = sinon.useFakeTimers(); },
          advance: (ms) => clock.tickAsync(ms),
          end: () => clock.restore(),
          early: ${early},
        });`,
    },
    "sinon",
  );
  project.write(
    "both.cjs",
    `const ours = (file) => file.includes("kstlib");
    require("./after.sinon.cjs")().then(() => {
      for (const file of Object.keys(require.cache)) if (ours(file)) delete require.cache[file];
      return require("./before.sinon.cjs")();
    });`,
  );
  expect(await outcome(project.node("both.cjs"))).toEqual(GOOD);
});

test("so it is under mock.timers of node:test, which do not fake performance.now()", async () => {
  const project = projectWith({
    "test.cjs": (early) => `
      require("node:test").test("scenario", (t) => require("./scenario.cjs")({
        start: () => t.mock.timers.enable({ apis: ["setTimeout", "Date"] }),
        advance: (ms) => t.mock.timers.tick(ms),
        end: () => t.mock.timers.reset(),
        early: ${early},
      }));`,
  });
  expect(await outcome(project.node("--test", "before.test.cjs", "after.test.cjs"))).toEqual(GOOD);
});

test("the same holds under Jest's, in another realm", async () => {
  const project = projectWith(
    {
      "test.js": (early) => `
        test("scenario", () => require("./scenario.cjs")({
          start: () => jest.useFakeTimers(),
          advance: (ms) => jest.advanceTimersByTimeAsync(ms),
          end: () => jest.useRealTimers(),
          early: ${early},
        }));`,
    },
    "jest",
  );
  const options = ["--ci", "--runInBand", "--watchman=false", "--cacheDirectory=cache"];
  expect(await outcome(project.node(project.bin("jest"), ...options))).toEqual(GOOD);
});

test("so it is under Vitest's", async () => {
  const project = projectWith(
    {
      "test.mjs": (early) => `
        import { createRequire } from "node:module";
        import { test, vi } from "vitest";
        test("scenario", () => createRequire(import.meta.url)("./scenario.cjs")({
          start: () => vi.useFakeTimers(),
          advance: (ms) => vi.advanceTimersByTimeAsync(ms),
          end: () => vi.useRealTimers(),
          early: ${early},
        }));`,
    },
    "vitest",
  );
  expect(await outcome(project.node(project.bin("vitest"), "run", "--reporter=verbose"))).toEqual(GOOD);
});

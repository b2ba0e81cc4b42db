import fc from "fast-check";
import { expect, test } from "vitest";
import type {
  AlertLevel,
  AlertManagerOptions,
  AlertResult,
  AlertThrottle,
  Delivery,
} from "../../src/alerts/index.js";
import { AlertManager } from "../../src/alerts/index.js";
import { ManualClock } from "../../src/testing/index.js";
import { never, refused } from "./receiver.js";

const OUTCOMES = {
  fine: async () => "id",
  refused: refused({}),
  final: refused({ retryable: false }),
  busy: refused({ retryAfter: 7 }),
  ages: refused({ retryAfter: 1e12, retryable: false }),
  never,
  throws: (): never => {
    throw new Error("at once");
  },
};

type Step =
  | {
      readonly do: "send";
      readonly level: AlertLevel;
      readonly key: number;
      readonly text: number;
      readonly to: number;
    }
  | { readonly do: "resolve"; readonly key: number }
  | { readonly do: "wait"; readonly seconds: number }
  | { readonly do: "outcome"; readonly outcome: keyof typeof OUTCOMES };

const level = fc.constantFrom<AlertLevel>("info", "success", "warning", "critical");
const small = fc.integer({ min: 0, max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("send" as const), level, key: small, text: small, to: small }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("resolve" as const), key: small }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), seconds: fc.constantFrom(0, 1, 10, 61, 400) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("outcome" as const),
      outcome: fc.constantFrom(...(Object.keys(OUTCOMES) as (keyof typeof OUTCOMES)[])),
    }),
  },
);

const options: fc.Arbitrary<AlertManagerOptions> = fc.record({
  group: fc.constantFrom(0, 5),
  dedupe: fc.constantFrom(0, 20),
  maxQueue: fc.constantFrom(1, 2, 100),
  maxRetries: fc.constantFrom(0, 2),
  throttle: fc.constantFrom<false | AlertThrottle>(false, { rate: 6, per: 60, burst: 2 }),
});

/** A channel that checks that it is called for one at a time. */
class Checked {
  readonly name: string;
  readonly outcomes: (() => Promise<string>)[] = [];
  told = 0;
  running = 0;
  most = 0;

  constructor(name: string) {
    this.name = name;
  }

  async deliver(alert: Delivery, { signal }: { readonly signal: AbortSignal }): Promise<string> {
    this.most = Math.max(this.most, ++this.running);
    signal.addEventListener("abort", () => {
      this.running = 0;
    });
    try {
      const id = await (this.outcomes.shift() ?? OUTCOMES.fine)();
      this.told += alert.count;
      return id;
    } finally {
      this.running = 0;
    }
  }
}

test("every alert is accounted for, whatever fails and when", async () => {
  await fc.assert(
    fc.asyncProperty(
      options,
      fc.array(step, { maxLength: 40 }),
      fc.boolean(),
      async (given, steps, isBroken) => {
        const clock = new ManualClock();
        const channels = [new Checked("one"), new Checked("two")];
        const alerts = new AlertManager({ ...given, clock, channels });
        const events = { told: { one: 0, two: 0 }, dropped: { one: 0, two: 0 } };
        alerts.on("sent", ({ channel, count }) => (events.told[channel as "one"] += count));
        alerts.on("dropped", ({ channel, count }) => (events.dropped[channel as "one"] += count));
        // Otherwise each is a warning.
        alerts.on("failed", () => {});
        const results: Promise<readonly AlertResult[]>[] = [];
        for (const each of steps) {
          if (each.do === "wait") await clock.advance(each.seconds);
          else if (each.do === "resolve") results.push(alerts.resolve(`k${each.key}`));
          else if (each.do === "outcome") {
            for (const channel of channels) channel.outcomes.push(OUTCOMES[each.outcome]);
          } else {
            const alert = {
              title: `t${each.text}`,
              level: each.level,
              key: each.key === 0 ? undefined : `k${each.key}`,
            };
            const channel = each.to === 3 ? { channel: "two" } : {};
            results.push(alerts.send(alert, channel));
          }
          for (const stats of Object.values(alerts.stats.channels)) {
            expect(stats.pending).toBeGreaterThanOrEqual(0);
          }
        }
        if (!isBroken) for (const { outcomes } of channels) outcomes.length = 0;
        const closing = alerts.close({ deadline: "30s" });
        results.push(alerts.send({ title: "late" }));
        for (let second = 0; second < 31; second++) await clock.advance(1);
        await closing;
        const all = (await Promise.all(results)).flat();
        for (const channel of channels) {
          const name = channel.name as "one" | "two";
          const stats = alerts.stats.channels[name];
          expect(stats).toMatchObject({ pending: 0, dropped: events.dropped[name] });
          expect((stats?.sent ?? 0) + (stats?.counted ?? 0)).toBe(events.told[name]);
          expect(channel.most).toBeLessThanOrEqual(1);
          expect(channel.told).toBe(events.told[name]);
          expect(all.filter(({ channel: at }) => at === name)).toHaveLength(stats?.given ?? 0);
        }
        expect(clock.pendingTimers).toBe(0);
      },
    ),
    { numRuns: 300 },
  );
});

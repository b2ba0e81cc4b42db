import { describe, expect, test } from "vitest";
import { configure } from "../../../src/configure.js";
import type { ResilienceConfig } from "../../../src/descriptors.js";
import { Hedge } from "../../../src/policies/hedge/hedge.js";
import { retry } from "../../../src/policies/retry/decorators.js";
import { Retry } from "../../../src/policies/retry/retry.js";
import { Registry } from "../../../src/registry.js";
import { resilient } from "../../../src/resilient.js";

const down = (): Promise<never> => Promise.reject(new Error("down"));

/** Two extra attempts in ten seconds, and none for calls. */
const two = { ratio: 0, minPerSecond: 0.2 };
const config: ResilienceConfig = {
  retryBudget: { ratio: 0, instances: { payments: { minPerSecond: 0.2 }, quotes: two } },
  retry: { attempts: 10, delay: 0, budget: "payments", instances: { quoting: { budget: "quotes" } } },
  hedge: { delay: 0, maxHedges: 9, budget: "payments" },
  pipelines: {
    charge: { retry: true },
    refund: { retry: { budget: "payments" } },
    price: { retry: { budget: "quotes" }, hedge: { budget: "payments" } },
    own: { retry: { budget: { ratio: 0, minPerSecond: 0.1 } } },
  },
};

/** How many extra attempts a call makes. */
async function extras(policy: { execute(fn: () => Promise<never>): Promise<unknown> }): Promise<number> {
  let calls = 0;
  await policy
    .execute(() => {
      calls++;
      return down();
    })
    .catch(() => {});
  return calls - 1;
}

describe("in a registry", () => {
  test("all that name a budget share it, and the registry has it by that name", async () => {
    await using registry = new Registry(config);
    expect(await extras(registry.pipeline("refund"))).toBe(2);
    expect(await extras(registry.retry("any"))).toBe(0);
    expect(await extras(registry.pipeline("charge"))).toBe(0);
    expect(await extras(registry.hedge("any"))).toBe(0);
    expect(await extras(registry.retry("quoting"))).toBe(2);
    expect(await extras(registry.retry("given", { budget: "quotes" }))).toBe(0);
    expect(registry.retryBudget("payments").stats).toEqual({
      totalCalls: 4,
      extraAttempts: 2,
      suppressed: 4,
    });
    expect(registry.retryBudget("quotes").stats).toEqual({ totalCalls: 2, extraAttempts: 2, suppressed: 2 });
    expect(Object.keys(registry.snapshot().retryBudgets)).toEqual(["payments", "quotes"]);
  });

  test("a budget made before, with options in code, is the one that a name stands for", async () => {
    await using registry = new Registry(config);
    const budget = registry.retryBudget("payments", { minPerSecond: 0 });
    expect(await extras(registry.pipeline("refund"))).toBe(0);
    expect(budget.stats).toEqual({ totalCalls: 1, extraAttempts: 0, suppressed: 1 });
  });

  test("a policy with options of its own budget shares with nobody", async () => {
    await using registry = new Registry(config);
    expect(await extras(registry.pipeline("own"))).toBe(1);
    expect(await extras(registry.retry("own too", { budget: { minPerSecond: 0.1 } }))).toBe(1);
    expect(registry.snapshot().retryBudgets).toEqual({});
  });

  test("the budget that a pipeline has by default takes its options from the section", async () => {
    await using registry = new Registry({
      retryBudget: { minPerSecond: 0, instances: { a: { minPerSecond: 0.3 } } },
      pipelines: { a: { retry: { attempts: 9, delay: 0 } }, b: { retry: { delay: 0 } } },
    });
    expect([await extras(registry.pipeline("a")), await extras(registry.pipeline("b"))]).toEqual([3, 0]);
    expect(Object.keys(registry.snapshot().retryBudgets)).toEqual(["a", "b"]);
  });

  test("registries share nothing with each other", async () => {
    await using one = new Registry(config);
    await using other = new Registry(config);
    expect(await extras(one.retry("a"))).toBe(2);
    expect(await extras(other.retry("a"))).toBe(2);
  });

  test("without a configuration of its own it has budgets of its own, too", async () => {
    using _configured = configure(config);
    await using registry = new Registry();
    expect(await extras(new Retry())).toBe(2);
    expect(await extras(registry.retry("a"))).toBe(2);
    expect(registry.retryBudget("payments").stats.totalCalls).toBe(1);
  });
});

describe("without a registry", () => {
  test("all that name a budget share it while one configuration is in force", async () => {
    {
      using _configured = configure(config);
      expect(await extras(new Retry())).toBe(2);
      expect(await extras(new Hedge())).toBe(0);
      expect(await extras(resilient({ retry: { attempts: 5, delay: 0 } }))).toBe(0);
      expect(await extras(resilient({ retry: { attempts: 5, delay: 0, budget: "quotes" } }))).toBe(2);
      await expect(retry({ budget: "quotes" })(down)()).rejects.toThrow("down");
    }
    using _again = configure(config);
    expect(await extras(new Retry())).toBe(2);
  });

  test("an unknown name is refused, with those that there are", () => {
    expect(() => new Retry({ budget: "payments" })).toThrow(
      new TypeError(
        'budget must be a name in retry_budget.instances of the configuration; got "payments"; no configuration is loaded',
      ),
    );
    using _configured = configure(config);
    expect(() => new Hedge({ budget: "paymants" })).toThrow(/got "paymants"; did you mean payments\?$/);
    expect(() => new Retry({ budget: "toString" })).toThrow(/known are payments, quotes$/);
    expect(() => resilient({ retry: { budget: "x" } })).toThrow(/budget must be a name/);
  });
});

describe("a configuration in code that names a budget which it does not have is refused", () => {
  const retryBudget = { instances: { payments: {} } };
  test.each<[string, ResilienceConfig]>([
    ["retry.budget", { retryBudget, retry: { budget: "quotes" } }],
    ["hedge.instances.a.budget", { retryBudget, hedge: { instances: { a: { budget: "quotes" } } } }],
    ["pipelines.a.retry.budget", { retryBudget, pipelines: { a: { retry: { budget: "quotes" } } } }],
  ])("%s", (path, given) => {
    const message = `${path} must be a name in retryBudget.instances of the configuration; got "quotes"; known are payments`;
    expect(() => configure(given)).toThrow(new TypeError(message));
    expect(() => new Registry(given)).toThrow(new TypeError(message));
  });
});

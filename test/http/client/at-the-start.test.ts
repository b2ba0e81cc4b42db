import { expect, test, vi } from "vitest";
import { configure } from "../../../src/configure.js";
import type { ResilienceConfig } from "../../../src/descriptors.js";
import {
  resilienceInterceptor,
  resilientFetch,
  type ResilientFetchOptions,
} from "../../../src/http/index.js";
import { type ConfigurationSource, pushSource } from "../../../src/kernel/configured.js";
import { livingComponents } from "../../../src/kernel/living.js";

/** Options that only all rules together refuse, and what they are refused with. */
const cases: readonly [string, ResilientFetchOptions, RegExp, ResilienceConfig?][] = [
  ["a fallback that answers nothing", { fallback: {} }, /fallback needs one of/],
  ["bounds that contradict one another", { adaptiveLimiter: { min: 5, max: 4 } }, /max/],
  [
    "a circuit breaker that the configuration says is shared",
    { circuitBreaker: true },
    /is shared: true/,
    { circuitBreaker: { shared: true } },
  ],
  [
    "a limiter that the configuration says is shared",
    { rateLimiter: true },
    /is shared: true/,
    { rateLimiter: { shared: true } },
  ],
  ["a budget that is not there", { hedge: { budget: "nope" } }, /hedge\.budget must be a name/],
];

test.each(cases)(
  "%s is refused when a client is made, and not at its first request",
  (_, options, says, config = {}) => {
    using _configured = configure(config);
    const makers =
      options.fallback === undefined ? [resilientFetch, resilienceInterceptor] : [resilientFetch];
    for (const make of makers) expect(() => make(options)).toThrow(says);
  },
);

test("what is made to see this belongs to nothing: no listing, no configuration, no budget", () => {
  const told: unknown[] = [];
  const source: ConfigurationSource = {
    configuration: { retryBudget: { instances: { shared: {} } } },
    made: (component) => told.push(component),
    retryBudget(name, make) {
      told.push(name);
      return make();
    },
  };
  using _configured = pushSource(source);
  const before = livingComponents();
  resilientFetch({
    totalTimeout: 10,
    retry: { budget: "shared" },
    hedge: true,
    rateLimiter: true,
    circuitBreaker: true,
    bulkhead: true,
    timeout: 1,
  });
  expect(livingComponents()).toEqual(before);
  expect(told).toEqual([]);
});

test("a client whose name has no policies is warned of, and only that", () => {
  using _configured = configure({ pipelines: { shop: { retry: true }, bare: {} } });
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  resilientFetch({ name: "shop" });
  resilientFetch({ name: "bare" });
  resilientFetch({ name: "own", retry: true });
  resilientFetch();
  expect(warned).not.toHaveBeenCalled();
  resilienceInterceptor({ name: "shopp" });
  expect(String(warned.mock.calls[0]?.[0])).toBe(
    'resilienceInterceptor "shopp" has no policies: it is given none, and pipelines has none of that name; did you mean shop?',
  );
  warned.mockRestore();
});

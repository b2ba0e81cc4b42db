import type { Duration } from "../../kernel/duration.js";
import type { AsyncDecorator } from "../../kernel/wrap.js";
import { applyWrapper, type Wrapper } from "../../kernel/wrapper.js";
import {
  type LimitedOptions,
  limitedRules,
  type LimitedSettings,
  limitWith,
} from "../../rate-limiter/decorators.js";
import { type Limited, RECIPE } from "../../rate-limiter/limited.js";
import { type SharedRateLimiterOptions, sharedRateLimiterRules } from "./shared-options.js";
import { SharedRateLimiter } from "./shared-rate-limiter.js";

/** Options of {@link sharedRateLimiter}: those of the limiter, and how to wait at it. */
export interface SharedLimitedOptions extends SharedRateLimiterOptions {
  /** Whether a call waits for its turn (default) or is refused when it cannot run at once. */
  readonly blocking?: boolean | undefined;
  /** How long a call may wait. Default: as long as it takes. */
  readonly timeout?: Duration | undefined;
  /** Gives waits up: one signal for all calls, or a function that picks the call's own out of its arguments. */
  readonly signal?: LimitedOptions["signal"];
}

const wrapper: Wrapper<SharedRateLimiter, LimitedSettings> = {
  name: "sharedRateLimiter",
  recipe: RECIPE,
  policyRules: sharedRateLimiterRules,
  rules: limitedRules,
  make: (options) => new SharedRateLimiter(options as object as SharedRateLimiterOptions),
  wrapWith: limitWith,
};

/**
 * A decorator for functions and methods whose calls wait for their turn at a {@link SharedRateLimiter}, which is its
 * property `limiter`: close it at shutdown.
 *
 * @throws TypeError or RangeError that names the option when one is missing, unknown, of the wrong type or out of range.
 * @example
 * ```ts no-check: needs a server
 * import { sharedRateLimiter } from "@kstlib/resilience/redis";
 *
 * const limited = sharedRateLimiter({ client, name: "exchange", rate: 1200, per: "1m" });
 * const placeOrder = limited(async (order: Order) => exchange.place(order));
 * ```
 */
export function sharedRateLimiter(options: SharedLimitedOptions): AsyncDecorator<Limited<SharedRateLimiter>> {
  return applyWrapper(wrapper, options) as AsyncDecorator<Limited<SharedRateLimiter>>;
}

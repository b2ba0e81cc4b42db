import { policyWrapper, type PolicyWrapper } from "../../kernel/policy-wrapper.js";
import { Hedge } from "./hedge.js";
import { type HedgeOptions, hedgeRules } from "./options.js";

/** Starts another call of a function beside a slow one, or as a decorator of a method; see {@link Hedge}. */
export const hedge: PolicyWrapper<HedgeOptions, Hedge> = policyWrapper(
  "hedge",
  hedgeRules,
  (options) => new Hedge(options),
);

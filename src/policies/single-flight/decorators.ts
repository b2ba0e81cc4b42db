import { policyWrapper, type PolicyWrapper } from "../../kernel/policy-wrapper.js";
import { type SingleFlightOptions, singleFlightRules } from "./options.js";
import { SingleFlight } from "./single-flight.js";

/** Lets concurrent calls of a function share one execution, or as a decorator of a method; see {@link SingleFlight}. */
export const singleFlight: PolicyWrapper<SingleFlightOptions, SingleFlight> = policyWrapper(
  "singleFlight",
  singleFlightRules,
  (options) => new SingleFlight(options),
);

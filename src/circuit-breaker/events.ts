/** The names of the events of a circuit breaker. */
export const EVENT_NAMES = [
  "stateChange",
  "success",
  "failure",
  "rejected",
  "wouldReject",
  "ignored",
  "settled",
] as const;

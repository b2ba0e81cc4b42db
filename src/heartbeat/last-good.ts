import { warn } from "../kernel/warning.js";

/**
 * Asks the application each time it is called. A failure leaves the last good answer; the first failure of a series is
 * a warning.
 */
export function lastGood<Answer>(
  ask: () => Answer,
  initial: Answer,
  code: string,
  failure: string,
): () => Answer {
  let last = initial;
  let isFailing = false;
  return () => {
    try {
      last = ask();
      isFailing = false;
    } catch (error) {
      if (!isFailing) warn(code, failure, error);
      isFailing = true;
    }
    return last;
  };
}

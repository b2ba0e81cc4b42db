import { warn } from "../kernel/warning.js";

/**
 * Returns a function that calls the application's `ask`. If `ask` fails, the last good answer is returned; the first
 * failure of a series becomes a warning.
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

import { isThenable } from "../kernel/thenable.js";
import type { CallPermit } from "./permit.js";

/** What to do with a generator function, in the words of an error message. */
export const RECIPE =
  "Use breaker.iterate(fn, ...args), whose permit settles at the end of the iteration, or take one over the iteration: breaker.tryPermit(), then permit.success() or permit.failure(error).";

/** What can be iterated with `for await`: an async or plain iterable, a stream among them, or a promise of one. */
export type Iterated<Item> =
  | AsyncIterable<Item>
  | Iterable<Item>
  | PromiseLike<AsyncIterable<Item> | Iterable<Item>>;

/**
 * Passes on what `begin` iterates over, under a permit from the first `next()` to the end. A consumer that stops
 * early is a success if it has received an item; otherwise the call does not count.
 *
 * @param admit returns the permit or throws the refusal.
 */
export async function* iterateUnder<Item>(
  admit: () => CallPermit | Promise<CallPermit>,
  begin: () => Iterated<Item>,
): AsyncGenerator<Item, void, undefined> {
  const given = admit();
  // Without a wait where none is needed.
  const permit = isThenable(given) ? await given : given;
  let isOut = false;
  try {
    for await (const item of await begin()) {
      isOut = true;
      yield item;
      isOut = false;
    }
    permit.success();
  } catch (error) {
    // An error that the consumer throws into the iteration is not the source's.
    if (!isOut) permit.failure(error);
    throw error;
  } finally {
    if (isOut) permit.success();
    else permit.release();
  }
}

import { checkName } from "../../kernel/nearest.js";
import { unlike } from "../../kernel/show.js";
import { isThenable } from "../../kernel/thenable.js";
import type { RefusalContent } from "./refusal.js";
import type { Eventually } from "./request-limiter.js";
import type { Refusal, Verdict } from "./verdict.js";

type Call = ((...args: unknown[]) => unknown) | undefined;

/** Of RFC 9110, with parameters. */
const MEDIA_TYPE =
  /^[\w!#$%&'*+.^`|~-]+\/[\w!#$%&'*+.^`|~-]+(?:[ \t]*;[ \t]*[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"(?:[\t !\x23-\x5b\x5d-\x7e]|\\[\t\x20-\x7e])*"))*$/;

const WHAT = "what refusal returns";
const NAMES = { contentType: true, body: true } as const;

function contentOf(given: unknown): RefusalContent {
  if (Object.prototype.toString.call(given) !== "[object Object]") {
    throw new TypeError(unlike(WHAT, "{ contentType, body } or undefined", given));
  }
  for (const name of Object.keys(given as object)) checkName(name, NAMES, `a property of ${WHAT}`);
  // Once: getters may answer differently.
  const { contentType, body } = given as { readonly contentType?: unknown; readonly body?: unknown };
  if (typeof body !== "string") throw new TypeError(unlike(`body of ${WHAT}`, "a string", body));
  if (typeof contentType === "string" && MEDIA_TYPE.test(contentType)) return { contentType, body };
  const isString = typeof contentType === "string";
  throw new (isString ? RangeError : TypeError)(
    unlike(`contentType of ${WHAT}`, 'a media type such as "application/json"', contentType),
  );
}

const withContent = (refusal: Refusal, given: unknown): Refusal =>
  given === undefined ? refusal : { ...refusal, ...contentOf(given) };

const withLater = async (refusal: Refusal, given: PromiseLike<unknown>): Promise<Refusal> =>
  withContent(refusal, await given);

/**
 * A refusal in the words of the application.
 *
 * @param describe the option `refusal`.
 * @throws what the option throws, or for what it returns; or rejects with it.
 */
export function described(describe: Call, request: unknown, refusal: Refusal): Eventually<Refusal> {
  if (describe === undefined) return refusal;
  const { status, policies, retryAfter } = refusal;
  const given = describe(request, { status, policies: [...policies], retryAfter });
  return isThenable(given) ? withLater(refusal, given) : withContent(refusal, given);
}

/** Makes of a judge one whose refusals are in the words of the application; the same if it has none. */
export function describing<Args extends readonly [request: unknown, ...more: unknown[]]>(
  judge: (...args: Args) => Eventually<Verdict>,
  describe: Call,
): (...args: Args) => Eventually<Verdict> {
  if (describe === undefined) return judge;
  const worded = (request: unknown, verdict: Verdict): Eventually<Verdict> => {
    if (verdict.refusal === undefined) return verdict;
    const refusal = described(describe, request, verdict.refusal);
    return isThenable(refusal)
      ? refusal.then((later) => ({ ...verdict, refusal: later }))
      : { ...verdict, refusal };
  };
  return (...args) => {
    const verdict = judge(...args);
    return isThenable(verdict) ? verdict.then((later) => worded(args[0], later)) : worded(args[0], verdict);
  };
}

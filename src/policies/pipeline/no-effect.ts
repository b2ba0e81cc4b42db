import type { Actor } from "../../kernel/actor.js";
import { formatDuration } from "../../kernel/duration.js";
import { show } from "../../kernel/show.js";
import { warnOnce } from "../../kernel/warning.js";
import type { AnyPolicy } from "./nest.js";

const OTHER: readonly Actor[] = [{ kind: "other", name: "", seconds: 0 }];

/** The policies as actors, with those of pipelines among them. */
export function actorsOf(
  policies: readonly (AnyPolicy & { readonly actsAs?: readonly Actor[] })[],
): readonly Actor[] {
  return policies.flatMap((policy) => policy.actsAs ?? OTHER);
}

function isTimeout({ kind }: Actor): boolean {
  return kind === "timeout";
}

function shortest(actors: readonly Actor[]): Actor | undefined {
  return actors.filter(isTimeout).toSorted((a, b) => a.seconds - b.seconds)[0];
}

/** `timeout "api" (10s)` */
function spoken({ kind, name, seconds }: Actor): string {
  return `${kind} ${show(name)} (${formatDuration(seconds)})`;
}

/** Why an actor cannot act, or never will on what it should. */
function reasonFor(
  { kind, seconds }: Actor,
  outside: readonly Actor[],
  inside: readonly Actor[],
): string | undefined {
  const outer = shortest(outside);
  const delay = `its delay of ${formatDuration(seconds)} or more does not fit into`;
  if (kind === "hedge") {
    // An attempt lasts longer than a timeout of which it has several, or before which it waits.
    const other = inside.findIndex((inner) => !isTimeout(inner) && inner.kind !== "circuit breaker");
    const first = shortest([...outside, ...inside.slice(0, other < 0 ? inside.length : other)]);
    if (first === undefined || first.seconds > seconds) return undefined;
    return `starts no attempt beside a slow one: ${delay} ${spoken(first)}.`;
  }
  if (outer === undefined || kind === "other") return undefined;
  if (kind === "circuit breaker") {
    if (inside.some((inner) => isTimeout(inner) && inner.seconds < outer.seconds)) return undefined;
    return `does not notice a service that hangs: ${spoken(outer)}, which is outside of it, ends such a call first, as a caller that gives up would. Put a shorter timeout inside of it.`;
  }
  if (outer.seconds > seconds) return undefined;
  if (kind === "timeout") return `has no effect: ${spoken(outer)}, which is outside of it, is not longer.`;
  return `never repeats a call: ${delay} ${spoken(outer)}.`;
}

/**
 * Warns of each policy that was given and cannot act, because of a timeout. It is no error: what is called may have a
 * timeout of its own, and options can change. Once for each text: pipelines can be made for each request.
 *
 * @param owner what is made of them.
 * @param actors outermost first.
 * @param tell gets each warning, and the index of its actor; by default it goes to the process.
 */
export function warnOfNoEffect(
  owner: string,
  actors: readonly Actor[],
  tell: (message: string, index: number) => void = (message) => warnOnce("KSTLIB_NO_EFFECT", message),
): void {
  for (const [index, actor] of actors.entries()) {
    const reason = reasonFor(actor, actors.slice(0, index), actors.slice(index + 1));
    if (reason === undefined) continue;
    const what = isTimeout(actor) ? spoken(actor) : `${actor.kind} ${show(actor.name)}`;
    tell(`${owner}: ${what} ${reason}`, index);
  }
}

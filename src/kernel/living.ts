import type { Component } from "./component.js";

/** All components that were made, as far as they have not been collected. */
interface Living {
  refs: WeakRef<Component>[];
  /** The length at which those that were collected are left out. */
  tidyAt: number;
}

// The ESM and the CommonJS build in one process share one list.
const SLOT = Symbol.for("@kstlib/resilience/living");
const FEWEST = 64;

function living(): Living {
  const found = Reflect.get(globalThis, SLOT) as Living | undefined;
  if (found !== undefined) return found;
  const made: Living = { refs: [], tidyAt: FEWEST };
  Object.defineProperty(globalThis, SLOT, { value: made });
  return made;
}

/** Adds a new component, weakly: the list keeps nothing from being collected, and its length follows those that live. */
export function join(component: Component): void {
  // Some runtimes of servers without state have none.
  if (typeof WeakRef === "undefined") return;
  const list = living();
  if (list.refs.length >= list.tidyAt) {
    list.refs = list.refs.filter((ref) => ref.deref() !== undefined);
    list.tidyAt = Math.max(FEWEST, 2 * list.refs.length);
  }
  list.refs.push(new WeakRef(component));
}

/** The components of the process that were made and still exist, in the order in which they were made. */
export function livingComponents(): readonly Component[] {
  return living().refs.flatMap((ref) => ref.deref() ?? []);
}

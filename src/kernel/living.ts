import type { Component } from "./component.js";
import { disposable } from "./disposable.js";

/** Components that were made, as far as they have not been collected. */
interface Living {
  refs: WeakRef<Component>[];
  /** How many have joined while nobody looked. */
  unseen: number;
  /** Who looks at them. */
  observers: number;
  /** The length at which those that were collected are left out. */
  tidyAt: number;
}

// The ESM and the CommonJS build in one process share one list.
const SLOT = Symbol.for("@kstlib/resilience/living");
const FEWEST = 64;

// What has a weak reference is collected later, which would make it a fifth slower to make components without end. Those
// that a program makes at its start are few.
const MOST_UNSEEN = 1000;

function living(): Living {
  const found = Reflect.get(globalThis, SLOT) as Living | undefined;
  if (found !== undefined) return found;
  const made: Living = { refs: [], unseen: 0, observers: 0, tidyAt: FEWEST };
  Object.defineProperty(globalThis, SLOT, { value: made });
  return made;
}

/**
 * Adds a new component, weakly: the list keeps nothing from being collected, and its length follows those that live. Until
 * somebody {@link observeLiving observes} them, only the first thousand are added.
 */
export function join(component: Component): void {
  // Some runtimes of servers without state have none.
  if (typeof WeakRef === "undefined") return;
  const list = living();
  if (list.observers === 0 && ++list.unseen > MOST_UNSEEN) return;
  if (list.refs.length >= list.tidyAt) {
    list.refs = list.refs.filter((ref) => ref.deref() !== undefined);
    list.tidyAt = Math.max(FEWEST, 2 * list.refs.length);
  }
  list.refs.push(new WeakRef(component));
}

/** From now on all new components join, until the result is disposed of. */
export function observeLiving(): Disposable {
  const list = living();
  list.observers++;
  return disposable(() => {
    list.observers--;
  });
}

/** The components of the process that have joined and still exist, in the order in which they were made. */
export function livingComponents(): readonly Component[] {
  return living().refs.flatMap((ref) => ref.deref() ?? []);
}

import type { Json } from "./component.js";
import { jsonOf } from "./json.js";

/** A class whose instances show their snapshot when printed, by `console.log` or as JSON. */
export abstract class Printed {
  abstract snapshot(): object;

  /** The snapshot for `JSON.stringify`; a number that JSON cannot express is text: `"Infinity"`. */
  toJSON(): Json {
    return jsonOf(snapshotOf(this));
  }
}

/** The snapshot, or an empty object if it fails: logging a component must not throw. */
function snapshotOf(component: Printed): object {
  try {
    return Object(component.snapshot()) as object;
  } catch {
    // A proxy has no private fields; an application's clock may throw.
    return {};
  }
}

// Node's `util.inspect.custom`, by its registered name, so that nothing is imported for it.
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

Object.defineProperty(Printed.prototype, INSPECT, {
  configurable: true,
  writable: true,
  /** An object of the same class with the snapshot as its properties, which Node formats like any other. */
  value(this: Printed): object {
    return Object.create(Object.getPrototypeOf(this) as object, {
      ...Object.getOwnPropertyDescriptors(snapshotOf(this)),
      // Otherwise Node would call it again, endlessly.
      [INSPECT]: { value: undefined },
    }) as object;
  },
});

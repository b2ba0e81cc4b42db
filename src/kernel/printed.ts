import type { Json } from "./component.js";
import { jsonOf } from "./json.js";

/** Something that shows its snapshot when it is printed, by `console.log` or as JSON. */
export abstract class Printed {
  abstract snapshot(): object;

  /** The snapshot as `JSON.stringify` takes it; a number that JSON does not have is text: `"Infinity"`. */
  toJSON(): Json {
    return jsonOf(told(this));
  }
}

/** The snapshot; nothing where there is none to be had. A line of a log must not fail by what is printed in it. */
function told(component: Printed): object {
  try {
    return Object(component.snapshot()) as object;
  } catch {
    // A proxy has no private fields, a clock of the application's may throw.
    return {};
  }
}

// Node's `util.inspect.custom`, by its registered name: the core imports nothing of Node for it.
const INSPECT = Symbol.for("nodejs.util.inspect.custom");

Object.defineProperty(Printed.prototype, INSPECT, {
  configurable: true,
  writable: true,
  /** An object of the same class with the snapshot as its properties, which Node formats as any other. */
  value(this: Printed): object {
    return Object.create(Object.getPrototypeOf(this) as object, {
      ...Object.getOwnPropertyDescriptors(told(this)),
      // It would be asked again, and for ever.
      [INSPECT]: { value: undefined },
    }) as object;
  },
});

import type { Json } from "./component.js";
import { jsonOf } from "./json.js";

/** Something that shows its snapshot when it is printed, by `console.log` or as JSON. */
export abstract class Printed {
  abstract snapshot(): object;

  /** The snapshot as `JSON.stringify` takes it; a number that JSON does not have is text: `"Infinity"`. */
  toJSON(): Json {
    return jsonOf(this.snapshot());
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
      ...Object.getOwnPropertyDescriptors(this.snapshot()),
      // It would be asked again, and for ever.
      [INSPECT]: { value: undefined },
    }) as object;
  },
});

import type { Json } from "./component.js";
import { jsonOf } from "./json.js";

const PREFIX = "@kstlib/resilience/";

/** The errors being serialised. */
const telling = new Set<ResilienceError>();

/**
 * The base of every refusal and failure at run time. `code` is stable and made for `switch`;
 * `instanceof` holds also between the ESM and the CommonJS build of the package.
 */
export class ResilienceError extends Error {
  /** A stable identifier such as `"ERR_CIRCUIT_OPEN"`. */
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /**
   * Its name, its message and its own properties, as `JSON.stringify` takes them; numbers as a component has them.
   * Where an application has attached what JSON cannot hold, such as a request, the name, the message and the code.
   */
  toJSON(): Json {
    const { name, message, code } = this;
    const least = { name, message, code };
    // An attached object may refer back to the error.
    if (telling.has(this)) return least;
    telling.add(this);
    try {
      return jsonOf(Object.assign({ name, message }, this));
    } catch {
      return least;
    } finally {
      telling.delete(this);
    }
  }
}

/** Gives an error class its `name` and the brand that makes `instanceof` work across builds. */
export function brandError(
  errorClass: typeof ResilienceError | (abstract new (...args: never[]) => ResilienceError),
  name: string,
): void {
  // Two copies of one class share a registered symbol on their prototypes, not an identity.
  const brand = Symbol.for(PREFIX + name);
  Object.defineProperties(errorClass.prototype, {
    [brand]: { value: true },
    name: { value: name, configurable: true, writable: true },
  });
  const isInstance = Function.prototype[Symbol.hasInstance];
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // A user's subclass has no brand and is checked like any other class.
      if (this !== errorClass) return isInstance.call(this as typeof ResilienceError, value);
      return typeof value === "object" && value !== null && Reflect.get(value, brand) === true;
    },
  });
}

brandError(ResilienceError, "ResilienceError");

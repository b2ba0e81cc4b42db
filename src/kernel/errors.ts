const PREFIX = "@kstlib/resilience/";

/**
 * The base of every refusal and failure at run time. `code` is stable and made for `switch`;
 * `instanceof` holds also between the ESM and the CommonJS build of the package.
 */
export class ResilienceError extends Error {
  /** A stable identifier such as `"ERR_CIRCUIT_OPEN"`. */
  readonly code: string;

  static override [Symbol.hasInstance](value: unknown): boolean {
    const brand = brands.get(this);
    // A subclass that a user wrote has no brand of its own and is judged as any class is.
    if (brand === undefined) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && Reflect.get(value, brand) === true;
  }

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

// Two copies of one class share a registered symbol on their prototypes, not an identity.
const brands = new WeakMap<object, symbol>();

/** Gives an error class its `name` and the brand that makes `instanceof` work across builds. */
export function brandError(
  errorClass: typeof ResilienceError | (abstract new (...args: never[]) => ResilienceError),
  name: string,
): void {
  const symbol = Symbol.for(PREFIX + name);
  brands.set(errorClass, symbol);
  Object.defineProperty(errorClass.prototype, symbol, { value: true });
  Object.defineProperty(errorClass.prototype, "name", { value: name, configurable: true, writable: true });
}

brandError(ResilienceError, "ResilienceError");

/** Thrown by what a later version brings; it never pretends to have worked. `code`: `ERR_NOT_AVAILABLE`. */
export class NotAvailableError extends ResilienceError {
  constructor(what: string) {
    super("ERR_NOT_AVAILABLE", `${what} is not available yet in this version of @kstlib/resilience.`);
  }
}
brandError(NotAvailableError, "NotAvailableError");

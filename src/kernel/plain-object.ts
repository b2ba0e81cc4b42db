/** Whether it is an object literal, of any realm, and not an array or an instance of a class. */
export function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // The prototype of all objects has none itself; another realm has its own.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * Whether a value is an error, of this realm or another: Jest and `node:vm` run code with an `Error` of its own, and
 * what Node's core throws there is none of that class.
 */
export function isError(value: unknown): value is Error {
  if (value instanceof Error) return true;
  // What a DOMException of another realm calls itself; AbortSignal.timeout gives one.
  return /^\[object (?:Error|DOMException)\]$/.test(Object.prototype.toString.call(value));
}

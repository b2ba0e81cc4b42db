/** Whether Node's permission model forbids this; without the model nothing is forbidden. */
export function isForbidden(what: "inspector" | "worker"): boolean {
  // The types know `permission` as always there.
  const permission = process.permission as typeof process.permission | undefined;
  return permission?.has(what) === false;
}

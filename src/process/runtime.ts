// What a runtime lacks cannot be asked for without side effects; `npm run test:matrix` measures it.
const { bun, deno } = process.versions;

/** Whether this is Node itself: others share its names, not all that stands behind them. */
export const isNode: boolean = bun === undefined && deno === undefined;

/** Whether a SIGINT ends a script that is run with `breakOnSigint`: on Deno it ends the process. */
export const canBreak: boolean = process.platform !== "win32" && deno === undefined;

/** Whether Node's permission model forbids this; without the model nothing is forbidden. */
export function isForbidden(what: "inspector" | "worker"): boolean {
  // The types know `permission` as always there.
  const permission = process.permission as typeof process.permission | undefined;
  return permission?.has(what) === false;
}

// What a runtime lacks cannot be detected without side effects; `npm run test:matrix` checks it.
const { bun, deno } = process.versions;

/** Whether this is Node itself: other runtimes have the same names, but not all of the behaviour. */
export const isNode: boolean = bun === undefined && deno === undefined;

/** Whether a SIGINT ends a script that runs with `breakOnSigint`; on Deno it ends the process. */
export const canBreak: boolean = process.platform !== "win32" && deno === undefined;

/** Whether Node's permission model forbids this; without the model nothing is forbidden. */
export function isForbidden(what: "inspector" | "worker"): boolean {
  // Without the model it is undefined, whatever the types say.
  const permission = process.permission as typeof process.permission | undefined;
  return permission?.has(what) === false;
}

import { warn } from "../kernel/warning.js";

/** The version of the object that copies of this package in one process share; raise it when its shape changes. */
const VERSION = 1;
const KEY = Symbol.for("@kstlib/resilience/shutdowns");

/**
 * One copy of this package: an application and a library may use two versions, or load one as ESM and as CommonJS.
 * Each has its own listeners; none may end the process before all are complete.
 */
export interface Copy {
  /** The deadline of its shutdowns in progress, in milliseconds of `process.hrtime`; `undefined` if there are none. */
  until(): number | undefined;
  /** Resolves, with the exit code of a failure, if any, when all begun shutdowns are complete; never rejects. */
  settle(): Promise<number | undefined>;
}

/** The object that all copies share. */
export interface Shared {
  readonly version: typeof VERSION;
  /** The copies with installed shutdowns. */
  readonly copies: Set<Copy>;
  /** The exit code with which the process is about to end if nothing fails; `undefined` if it is not about to end. */
  exitCode: number | undefined;
}

function found(): Shared {
  const made: Shared = { version: VERSION, copies: new Set(), exitCode: undefined };
  // On `process`, because the listeners are there: threads and sandboxes have their own process object.
  const there: unknown = Reflect.get(process, KEY);
  if (there === undefined) {
    Object.defineProperty(process, KEY, { value: made });
    return made;
  }
  // Another version may have another shape.
  if (Reflect.get(Object(there), "version") === VERSION) return there as Shared;
  warn(
    "KSTLIB_OTHER_COPY",
    "another version of @kstlib/resilience is in this process, and the first to finish its shutdown ends it; `npm ls @kstlib/resilience` shows its origin",
  );
  return made;
}

let shared: Shared | undefined;

/** The object that this copy shares with others of the same version. */
export function sharedByCopies(): Shared {
  return (shared ??= found());
}

import { warn } from "../kernel/warning.js";

/** The version of what the copies of this package in a process share; to be raised when its shape changes. */
const VERSION = 1;
const KEY = Symbol.for("@kstlib/resilience/shutdowns");

/**
 * One copy of this package: an application and a library may use two versions, or load one as ESM and as CommonJS.
 * Each has its own listeners; none may end the process before all are complete.
 */
export interface Copy {
  /** Until when its shutdowns in progress may take, in milliseconds of `process.hrtime`; `undefined` when there are none. */
  until(): number | undefined;
  /** Resolves when all that have begun are complete, with the exit code that a failure asks for; never rejects. */
  settle(): Promise<number | undefined>;
}

/** What all copies share. */
export interface Shared {
  readonly version: typeof VERSION;
  /** Those with installed shutdowns. */
  readonly copies: Set<Copy>;
  /** The code with which the process is about to end if all goes well; `undefined` while it is not. */
  exitCode: number | undefined;
}

function found(): Shared {
  const made: Shared = { version: VERSION, copies: new Set(), exitCode: undefined };
  // On `process`, where the listeners are: threads and sandboxes have a process object of their own.
  const there: unknown = Reflect.get(process, KEY);
  if (there === undefined) {
    Object.defineProperty(process, KEY, { value: made });
    return made;
  }
  // Another version may have another shape.
  if (Reflect.get(Object(there), "version") === VERSION) return there as Shared;
  warn(
    "KSTLIB_OTHER_COPY",
    "another version of @kstlib/resilience is in this process, and the first to finish its shutdown ends it; `npm ls @kstlib/resilience` shows who needs it",
  );
  return made;
}

let shared: Shared | undefined;

/** What this copy shares with the others of the same version. */
export function sharedByCopies(): Shared {
  return (shared ??= found());
}

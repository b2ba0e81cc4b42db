import { say } from "./say.js";

/** A shutdown in progress. */
export interface Unfinished {
  /** The names of its callbacks that have not ended. */
  unfinished(): readonly string[];
}

const inProgress = new Set<Unfinished>();
/** Why the process ends, if known. */
let cause: string | undefined;

function tell(code: number): void {
  const names = [...inProgress].flatMap((shutdown) => shutdown.unfinished());
  if (names.length === 0) return;
  say(`${cause ?? `exit with ${code} in the middle of the shutdown`}; not done: ${names.join(", ")}`);
}

/** From now on any exit of the process writes to stderr which callbacks were not done. */
export function noteBegun(shutdown: Unfinished): void {
  if (inProgress.size === 0) process.on("exit", tell);
  inProgress.add(shutdown);
}

/** All callbacks have ended. */
export function noteEnded(shutdown: Unfinished): void {
  inProgress.delete(shutdown);
  if (inProgress.size === 0) process.off("exit", tell);
}

/** Sets why the process is about to end; `undefined` if it is no longer about to end. */
export function endingBecause(reason: string | undefined): void {
  cause = reason;
}

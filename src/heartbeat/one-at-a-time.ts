/**
 * Makes a job that must not overlap with itself; all who ask while it runs share one more run after it.
 * What it returns settles as the run does that began after the call. What the job calls before its first
 * `await` may ask too, and is given the run that is beginning.
 */
export function oneAtATime(job: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    let settle = (_end: Promise<void>): void => undefined;
    const run = new Promise<void>((resolve) => {
      settle = resolve;
    });
    // Both before the job is called: otherwise who asks in it would begin another.
    running = run;
    next = run;
    const end = job().finally(() => {
      running = undefined;
    });
    next = undefined;
    settle(end);
    return run;
  };
  return () => {
    // Looked at first: a run may be over and the next, which has its place, not begun.
    if (next !== undefined) return next;
    if (running === undefined) return begin();
    next = running.then(begin, begin);
    return next;
  };
}

/**
 * Wraps a job that must not overlap with itself: all calls during a run share one more run after it. The returned
 * promise settles with the run that began after the call. A call from the job itself, before its first `await`,
 * shares the run that is beginning.
 */
export function oneAtATime(job: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    let settle = (_end: Promise<void>): void => undefined;
    const run = new Promise<void>((resolve) => {
      settle = resolve;
    });
    // Both before the job is called: otherwise a call from it would begin another run.
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
    // Checked first: a run may be over while the next one has not begun.
    if (next !== undefined) return next;
    if (running === undefined) return begin();
    next = running.then(begin, begin);
    return next;
  };
}

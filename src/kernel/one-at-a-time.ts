/**
 * Wraps a job that must not overlap with itself: calls during a run share the next run, and their promise settles with
 * it. A call from the job itself, before its first `await`, shares the run that is beginning.
 */
export function oneAtATime(job: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    let settle = (_end: Promise<void>): void => undefined;
    const run = new Promise<void>((resolve) => {
      settle = resolve;
    });
    // Both are set before the job is called; otherwise a call from the job would begin another run.
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
    // Checked first: between two runs, `running` is not set but `next` is.
    if (next !== undefined) return next;
    if (running === undefined) return begin();
    next = running.then(begin, begin);
    return next;
  };
}

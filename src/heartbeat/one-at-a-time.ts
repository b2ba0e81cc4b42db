/**
 * Makes a job that must not overlap with itself; all who ask while it runs share one more run after it.
 * What it returns settles as the run does that began after the call.
 */
export function oneAtATime(job: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const begin = (): Promise<void> => {
    next = undefined;
    running = job().finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    // Looked at first: a run may be over and the next, which has its place, not begun.
    if (next !== undefined) return next;
    if (running === undefined) return begin();
    next = running.then(begin, begin);
    return next;
  };
}

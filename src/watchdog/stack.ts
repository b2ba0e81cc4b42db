const OF_THE_RUNTIME = /[( ]node:|\(<anonymous>\)$/;

/**
 * Whether a stack that was taken as the thread came out of native code leads anywhere: by then it may be back in
 * the runtime's own code, which says nothing of where it had been.
 */
export function leadsToCode(stack: string): boolean {
  return stack.split("\n").some((frame) => frame !== "" && !OF_THE_RUNTIME.test(frame));
}

const OF_THE_RUNTIME = /[( ]node:|\(<anonymous>\)$/;

/**
 * Whether a stack that was taken as the thread left native code shows code of the program. By then the thread may be
 * back in the runtime's own code, which does not show where it was.
 */
export function leadsToCode(stack: string): boolean {
  return stack.split("\n").some((frame) => frame !== "" && !OF_THE_RUNTIME.test(frame));
}

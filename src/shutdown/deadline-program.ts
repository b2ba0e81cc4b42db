/**
 * The text of deadline-worker.ts with all that it imports, as one CommonJS script. Who runs these sources puts it
 * here: the build and the tests, both by scripts/thread-programs.mjs.
 */
export const deadlineProgram: string = "";

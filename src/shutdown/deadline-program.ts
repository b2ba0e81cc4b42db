/**
 * The text of deadline-worker.ts with all that it imports, as one CommonJS script. scripts/thread-programs.mjs puts it
 * here, for the build and for the tests.
 */
export const deadlineProgram: string = "";

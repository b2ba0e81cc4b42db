/**
 * The text of monitor/monitor-thread.ts with all that it imports, as one CommonJS script. Who runs these sources puts it
 * here: the build and the tests, both by scripts/thread-programs.mjs.
 */
export const monitorProgram: string = "";

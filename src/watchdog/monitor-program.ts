/**
 * The text of monitor/monitor-thread.ts with all that it imports, as one CommonJS script. scripts/thread-programs.mjs
 * puts it here, for the build and for the tests.
 */
export const monitorProgram: string = "";

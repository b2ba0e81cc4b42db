/**
 * Ends the process by a V8 breakpoint, which traps the processor. The exit status is 133, that of SIGTRAP.
 *
 * @throws if the engine is not V8.
 */
export function trap(): void {
  process.getBuiltinModule("node:v8").setFlagsFromString("--allow-natives-syntax");
  process.getBuiltinModule("node:vm").runInThisContext("%SystemBreak()");
}

/**
 * Ends the process by a trap of the processor: a V8 breakpoint that no debugger waits for. The exit status is 133, that
 * of SIGTRAP.
 *
 * @throws where the engine is another than V8.
 */
export function trap(): void {
  process.getBuiltinModule("node:v8").setFlagsFromString("--allow-natives-syntax");
  process.getBuiltinModule("node:vm").runInThisContext("%SystemBreak()");
}

/**
 * Ends the process by a trap of the processor: a V8 breakpoint that nobody waits at; the exit status is 133, that of
 * SIGTRAP. The kernel keeps the first process of a container (PID 1) from every signal that it has no handler for,
 * SIGKILL included, when it comes from inside; only a fault of its own ends it.
 *
 * @throws where the engine is another than V8.
 */
export function trap(): void {
  process.getBuiltinModule("node:v8").setFlagsFromString("--allow-natives-syntax");
  process.getBuiltinModule("node:vm").runInThisContext("%SystemBreak()");
}

/** The global object that an evaluation from outside sees; inside a vm context `globalThis` is another one. */
export function mainGlobal(): object {
  return process.getBuiltinModule("node:vm").runInThisContext("globalThis") as object;
}

let found: object | undefined;

/** The global object that an evaluation from outside sees; inside a vm context `globalThis` is another one. */
export function mainGlobal(): object {
  const { Script } = process.getBuiltinModule("node:vm");
  return (found ??= new Script("globalThis").runInThisContext() as object);
}

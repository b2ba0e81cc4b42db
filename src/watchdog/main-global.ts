/** The global object that an evaluation from outside sees; inside a vm context `globalThis` is another one. */
export function mainGlobal(): object {
  return process.getBuiltinModule("node:vm").runInThisContext("globalThis") as object;
}

/**
 * A list of the thread that all copies of the package in it share: two versions, or the ESM and the CommonJS build.
 * It is made when it is first asked for.
 *
 * @param name another one when what it holds changes.
 */
export function threadList<Item>(name: string): () => Item[] {
  const slot = Symbol.for(`@kstlib/resilience/watchdog/${name}`);
  let list: Item[] | undefined;
  return () => {
    if (list !== undefined) return list;
    const global = mainGlobal();
    list = (Reflect.get(global, slot) as Item[] | undefined) ?? [];
    Object.defineProperty(global, slot, { value: list });
    return list;
  };
}

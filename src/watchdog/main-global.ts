/** The global object that the inspector evaluates in; inside a vm context `globalThis` is another one. */
export function mainGlobal(): object {
  return process.getBuiltinModule("node:vm").runInThisContext("globalThis") as object;
}

/**
 * A list that all copies of the package on a thread share: two versions, or the ESM and the CommonJS build. It is made
 * when it is first used.
 *
 * @param name contains a version: it changes with what the list holds.
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

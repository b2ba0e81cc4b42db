/** Node's `process`, where there is one: the core also runs where there is no Node, so it imports none of its modules. */
export function nodeProcess(): Partial<NodeJS.Process> | undefined {
  return (globalThis as { readonly process?: Partial<NodeJS.Process> }).process;
}

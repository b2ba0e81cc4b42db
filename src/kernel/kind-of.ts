/** What a component says that it is, in its snapshot; `undefined` of anything else. */
export function kindOf(value: unknown): string | undefined {
  const { snapshot } = Object(value) as { readonly snapshot?: unknown };
  const shown: unknown = typeof snapshot === "function" ? Reflect.apply(snapshot, value, []) : undefined;
  const { kind } = Object(shown) as { readonly kind?: unknown };
  return typeof kind === "string" ? kind : undefined;
}

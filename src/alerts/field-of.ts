/** What a value from outside has by a name; a getter that throws has nothing. */
export function fieldOf(value: unknown, name: string): unknown {
  try {
    return Reflect.get(Object(value) as object, name);
  } catch {
    return undefined;
  }
}

/** The name of a section, an option or a part of one as a file writes it: `max_failures` for `maxFailures`. */
export function toSnakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

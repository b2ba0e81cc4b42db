const LONGEST_TEXT = 40;

function isArray(value: object): boolean {
  try {
    return Array.isArray(value);
  } catch {
    // A revoked proxy throws.
    return false;
  }
}

/** Formats a value for an error message: short, on one line, without the contents of an object. Never throws. */
export function show(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value);
    case "bigint":
      return `${value}n`;
    case "function":
      return "a function";
    case "object":
      if (value === null) return "null";
      return isArray(value) ? "an array" : "an object";
    default:
      return String(value);
  }
}

/** The message for a refused value: its name, what is allowed, what was given. */
export function unlike(label: string, allowed: string, value: unknown, isDefault = false): string {
  return `${label} must be ${allowed}; got ${show(value)}${isDefault ? ", which is the default" : ""}.`;
}

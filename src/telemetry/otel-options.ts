import { custom, type Rule } from "../kernel/rules.js";
import { unlike } from "../kernel/show.js";

/** An object of OpenTelemetry, told by a method. */
export function withMethod<Value extends object>(
  method: keyof Value & string,
  allowed: string,
): Rule<Value | undefined> {
  return custom({
    allowed,
    parse(value, label) {
      const isIt =
        typeof value === "object" && value !== null && typeof Reflect.get(value, method) === "function";
      if (!isIt) throw new TypeError(unlike(label, allowed, value));
      return value as Value;
    },
  });
}

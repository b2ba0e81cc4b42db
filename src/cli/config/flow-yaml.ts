import { stringify } from "yaml";

/** A value on one line, as a file may write it. */
export function flowYaml(value: unknown): string {
  return stringify(value, { collectionStyle: "flow", lineWidth: 0, blockQuote: false }).trimEnd();
}

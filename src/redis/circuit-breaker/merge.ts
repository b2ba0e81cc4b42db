import type { Told } from "./told.js";

/** The last of what is known of the shared circuit. */
export interface Known {
  readonly state: Told["state"];
  readonly era: number;
  readonly change: number;
}

/**
 * What to do with a state from the store: take it over; leave it, as something newer is known; or tell the store what is
 * known here, because it has lost that or never had it. The later era wins.
 *
 * @param asked what was known when the question was sent whose reply this is; `undefined` for a message. A store that has
 * forgotten nothing knows at least that.
 */
export function merge(known: Known, told: Told, asked: Known | undefined): "adopt" | "leave" | "tell" {
  if (told.era > known.era) return "adopt";
  const isOlder = told.change < known.change;
  if (told.era === known.era) {
    // An older change in a reply: it was overtaken by a message, unless it was known before the question.
    return isOlder && (asked === undefined || told.change >= asked.change) ? "leave" : "adopt";
  }
  const hasLost = asked === undefined ? !isOlder : told.era < asked.era || !isOlder;
  if (!hasLost) return "leave";
  // Two closed circuits differ in what they count alone.
  return known.state === "closed" && told.state === "closed" ? "adopt" : "tell";
}

import { defaultMaxAge, judgeAge } from "../../heartbeat-file/verdict.js";
import { messageOf } from "../../kernel/message-of.js";
import { type Terminal, UsageError } from "../command.js";
import type { Look } from "../look.js";
import { Place, type PlaceOptions } from "./place.js";

/**
 * Looks at one instance, as at a file.
 *
 * @throws UsageError if the address names none, or the project has no client.
 */
export async function checkInstance(
  address: string,
  terminal: Terminal,
  options: Omit<PlaceOptions, "keeps">,
): Promise<Look> {
  const place = new Place(address, terminal, { ...options, keeps: false });
  if (place.target.instance === undefined) {
    throw new UsageError(
      `check takes the address of one instance, such as redis://host/service/instance; got ${place.shown}. Use status for several`,
    );
  }
  const unknown = (reason: string): Look => {
    const maxAge = options.maxAge ?? defaultMaxAge(null);
    return { ...judgeAge(null, 0, maxAge), file: place.shown, maxAge: maxAge / 1000, reason };
  };
  try {
    const [found] = await place.look();
    return found ?? unknown("no such instance");
  } catch (error) {
    if (UsageError.is(error)) throw error;
    return unknown(messageOf(error));
  } finally {
    place.close();
  }
}

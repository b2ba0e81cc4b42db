import { messageOf } from "../../kernel/message-of.js";
import { type Terminal, UsageError } from "../command.js";
import { reasonOf } from "../look.js";
import type { Survey } from "../status/survey.js";
import { nameIn, Place, type PlaceOptions } from "./place.js";

/** @throws UsageError for an address that is none. */
export function placesOf(
  addresses: readonly string[],
  terminal: Terminal,
  options: PlaceOptions,
): readonly Place[] {
  return addresses.map((address) => new Place(address, terminal, options));
}

/** Reads what the addresses of Redis name, beside the files. */
export async function withPlaces(local: Survey, places: readonly Place[]): Promise<Survey> {
  const findings = [...local.findings];
  const empty = [...local.empty];
  const reasons = new Map(local.reasons);
  const looks = await Promise.allSettled(places.map((place) => place.look()));
  for (const [index, place] of places.entries()) {
    const result = looks[index];
    if (result?.status === "rejected" && UsageError.is(result.reason)) throw result.reason;
    const found = result?.status === "fulfilled" ? result.value : [];
    for (const look of found) findings.push({ name: nameIn(look, place), look, reason: reasonOf(look) });
    if (found.length === 0) empty.push(place.shown);
    if (result?.status === "rejected") reasons.set(place.shown, messageOf(result.reason));
  }
  const isAny = local.isAny || findings.length > local.findings.length;
  const allAlive =
    findings.length > 0 && empty.length === 0 && findings.every(({ look }) => look.status === "alive");
  return { at: local.at, findings, empty, reasons, isAny, allAlive };
}

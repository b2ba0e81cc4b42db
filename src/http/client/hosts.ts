import { realClock } from "../../kernel/clock.js";
import { tryOut } from "../../kernel/configured.js";
import { show } from "../../kernel/show.js";
import { warnOnce } from "../../kernel/warning.js";
import type { Fallback } from "../../policies/fallback/fallback.js";
import { warnOfNoEffect } from "../../policies/pipeline/no-effect.js";
import { type HostStats, Host } from "./host.js";
import type { Obedience } from "./obedience.js";
import { originOf } from "./request.js";
import type { ReadParts } from "../../resilient-options.js";
import type { HttpClientSettings } from "./options.js";
import type { Verdicts } from "./repeatable.js";

/** Refuses to answer with a response whose body another call may have read. */
function checkFallback(component: string, shared: Fallback<unknown>["shared"] | undefined): void {
  if (shared?.lastGood !== undefined) {
    throw new TypeError(
      `fallback.lastGood cannot be an option of ${component}: the body of a response is read once. Keep what was read: in a Fallback around the function that reads it.`,
    );
  }
  const { to } = shared ?? {};
  if (typeof to === "object" && to !== null && "body" in to && "bodyUsed" in to) {
    throw new TypeError(
      `fallback.to of ${component} must be a function that makes a Response, whose body is read once; got one Response for all calls.`,
    );
  }
}

/** How many hosts are looked at, at most, to find one that can be forgotten. */
const LOOKS = 8;

/** The key of the policies that the origins share for which there is no room; no origin is written like this. */
const OTHERS = "others";

/** The key of the policies that all origins share. */
const ALL = "all";

/** So many clients of one name that begin to be used within a minute are made for single requests. */
const MANY = 200;
const MINUTE = 60_000;
const MOST_NAMES = 1000;

const begun = new Map<string, { readonly since: number; count: number }>();

/** Warns of clients that are made for each request: each has a circuit that is closed and limits of which nothing is used. */
function countClient(component: string, name: string): void {
  const now = realClock.now();
  let known = begun.get(name);
  if (known === undefined || now - known.since > MINUTE) {
    if (begun.size >= MOST_NAMES) begun.clear();
    begun.set(name, (known = { since: now, count: 0 }));
  }
  if (++known.count !== MANY) return;
  warnOnce(
    "KSTLIB_NO_EFFECT",
    `${MANY} clients ${show(name)} of ${component} have sent their first request within a minute. Each has its own policies: if one is made for each request, its circuit never opens and its limits do not hold. Make it once, and use it for all requests.`,
  );
}

/** The policies of each origin, of a limited number of them. */
export class Hosts {
  /** The one not used for longest first. */
  readonly #hosts = new Map<string, Host>();
  readonly #component: string;
  readonly #settings: HttpClientSettings;
  readonly #parts: ReadParts;
  readonly #verdicts: Verdicts;
  #others: Host | undefined;
  #last: Host | undefined;
  #lastKey: string | undefined;

  /** @param component what they are for, in messages. */
  constructor(component: string, settings: HttpClientSettings, parts: ReadParts, verdicts: Verdicts) {
    this.#component = component;
    this.#settings = settings;
    this.#parts = parts;
    this.#verdicts = verdicts;
    // What cannot work says so at once, and not at the first request.
    const { pipeline } = tryOut(() => this.#make());
    checkFallback(component, pipeline.fallback?.shared);
    warnOfNoEffect(`${component} ${show(settings.name)}`, pipeline.actsAs);
  }

  readonly #obedienceTo = (url: string): Obedience | undefined => {
    const origin = originOf(url);
    return origin === undefined ? undefined : this.get(origin).obedience;
  };

  get(origin: string): Host {
    const key = this.#settings.perHost ? origin : ALL;
    if (key === this.#lastKey && this.#last !== undefined) return this.#last;
    if (this.#last === undefined) countClient(this.#component, this.#settings.name);
    let host = this.#hosts.get(key);
    if (host !== undefined) this.#hosts.delete(key);
    else if (this.#hosts.size < this.#settings.maxHosts || this.#forgetOne()) host = this.#make();
    else return (this.#others ??= this.#make());
    this.#hosts.set(key, host);
    this.#last = host;
    this.#lastKey = key;
    return host;
  }

  /** The stats of the policies by origin, and of those that the rest shares, by `others`. */
  stats(): Readonly<Record<string, HostStats>> {
    const all = [...this.#hosts].map(([origin, host]) => [origin, host.stats] as const);
    if (this.#others !== undefined) all.push([OTHERS, this.#others.stats]);
    return Object.freeze(Object.fromEntries(all));
  }

  #make(): Host {
    return new Host(this.#settings, this.#parts, this.#verdicts, this.#obedienceTo);
  }

  #forgetOne(): boolean {
    let looks = 0;
    for (const [key, host] of this.#hosts) {
      if (host.isIdle) return this.#hosts.delete(key);
      if (++looks === LOOKS) return false;
      // The next search begins after it.
      this.#hosts.delete(key);
      this.#hosts.set(key, host);
    }
    return false;
  }
}

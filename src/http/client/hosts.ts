import { realClock } from "../../kernel/clock.js";
import type { Component } from "../../kernel/component.js";
import { tryOut } from "../../kernel/configured.js";
import { disposable } from "../../kernel/disposable.js";
import { checkName } from "../../kernel/nearest.js";
import { show } from "../../kernel/show.js";
import { warnOnce } from "../../kernel/warning.js";
import type { Fallback } from "../../policies/fallback/fallback.js";
import { warnOfNoEffect } from "../../policies/pipeline/no-effect.js";
import type { HostStats, HttpClient } from "./client.js";
import { Follower, type Listen } from "./follower.js";
import { Host, isInstance } from "./host.js";
import type { Obedience } from "./obedience.js";
import { originOf } from "./request.js";
import { partRules, type ReadParts } from "../../resilient-options.js";
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
  readonly #followers = new Set<Follower>();
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
    else if (this.#hosts.size < this.#settings.maxHosts || this.#forgetOne()) host = this.#begin(key);
    else return (this.#others ??= this.#begin(OTHERS));
    this.#hosts.set(key, host);
    this.#last = host;
    this.#lastKey = key;
    return host;
  }

  /** Adds a listener of an event: `"retry.exhausted"` of a part, or one of what obeys the servers. */
  on(event: string, listener: (payload: unknown) => unknown): Disposable {
    const dot = event.indexOf(".");
    const ofPart = event.slice(0, Math.max(0, dot));
    const name = event.slice(dot + 1);
    if (dot !== -1) checkName(ofPart, partRules, `a part of ${this.#component}`);
    else if (name !== "waited" && name !== "rejected") {
      throw new TypeError(
        `${event} is not an event of ${this.#component}; allowed are waited, rejected, and those of parts, such as circuitBreaker.stateChange`,
      );
    }
    const listen: Listen = (part, origin = ALL, key) =>
      key === ofPart
        ? part.on(name, (payload) => listener({ origin, ...(payload as object) }))
        : disposable(() => {});
    // A wrong name is told at once, and not at the first request.
    new Follower(listen).add(this, tryOut(() => this.#make()).own, undefined);
    return this.eachPart(listen);
  }

  /** Lets it listen to the parts of all origins, and to those that were given to the client. */
  eachPart(listen: Listen): Disposable {
    const follower = new Follower(listen);
    const given = Object.entries(this.#parts).filter(
      (entry): entry is [string, Component & object] => isInstance(entry[1]) && "on" in entry[1],
    );
    follower.add(this, new Map(given), undefined);
    for (const [key, host] of this.#all()) follower.add(host, host.own, key);
    this.#followers.add(follower);
    return disposable(() => {
      this.#followers.delete(follower);
      follower.remove(this);
      for (const [, host] of this.#all()) follower.remove(host);
    });
  }

  /** The stats of the policies by origin, and of those that the rest shares, by `others`. */
  stats(): Readonly<Record<string, HostStats>> {
    return Object.freeze(Object.fromEntries(this.#all().map(([origin, host]) => [origin, host.stats])));
  }

  #all(): readonly (readonly [string, Host])[] {
    return [...this.#hosts, ...(this.#others === undefined ? [] : [[OTHERS, this.#others] as const])];
  }

  #begin(key: string): Host {
    const host = this.#make();
    for (const follower of this.#followers) follower.add(host, host.own, key);
    return host;
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

/** Makes a component of a function. */
export function asClient<Run extends (...args: never[]) => unknown>(
  run: Run,
  name: string,
  hosts: Hosts,
): Run & HttpClient {
  const stats = (): ReturnType<Hosts["stats"]> => hosts.stats();
  const client: Omit<HttpClient, "name"> = {
    stats,
    snapshot: () => Object.freeze({ kind: "http-client", name, origins: stats() }),
    on: (event, listener) => hosts.on(event, listener as Parameters<Component["on"]>[1]),
    eachPart: (listen) => hosts.eachPart(listen),
  };
  // The one that functions have cannot be assigned.
  Object.defineProperty(run, "name", { value: name, configurable: true });
  return Object.assign(run, client);
}

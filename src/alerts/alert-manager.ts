import type { Component } from "../kernel/component.js";
import { checkSection } from "../kernel/check-section.js";
import { currentConfiguration, pushConfiguration } from "../kernel/configured.js";
import type { Duration } from "../kernel/duration.js";
import { Events, type Listener } from "../kernel/events.js";
import { ownOptions } from "../kernel/options.js";
import { Printed } from "../kernel/printed.js";
import { duration, optional, text } from "../kernel/rules.js";
import { show } from "../kernel/show.js";
import { warn } from "../kernel/warning.js";
import type { Alert, AlertLevel, Delivery } from "./alert.js";
import type { AlertChannel } from "./channel.js";
import { componentAlert } from "./component-alert.js";
import { checkChannel } from "./definitions.js";
import {
  type AlertManagerEvents,
  type AlertManagerSnapshot,
  type AlertManagerStats,
  type AlertResult,
  EVENT_NAMES,
} from "./events.js";
import { Lane } from "./lane.js";
import { madeChannels } from "./made-channels.js";
import { rank, readAlert, recovery } from "./messages.js";
import {
  type AlertManagerOptions,
  type AlertManagerSettings,
  type AlertsSection,
  type AlertThrottle,
  levelRule,
  resolveAlertManager,
  section,
  throttleRule,
} from "./options.js";
import { type Problem, Problems } from "./problems.js";
import { Repeats } from "./repeats.js";

/** Options of `addChannel`. */
export interface AddChannelOptions {
  /** A second name, by which `send` selects the channel. */
  readonly key?: string | undefined;
  /** The lowest level that the channel gets. Default: that of the manager. */
  readonly minLevel?: AlertLevel | undefined;
  /** Its throttle. Default: as that of the manager. */
  readonly throttle?: AlertThrottle | false | undefined;
}

/** A channel with what it is selected by. */
interface Member {
  readonly lane: Lane;
  readonly key: string | undefined;
  readonly least: number;
}

const keyRule = optional(text(undefined));
const deadlineRule = duration("10s", { zero: true });

/**
 * Sends alerts to channels: to all of them at once, to each in order. A channel that is slow or dead delays no other. What
 * a channel gets is limited; what is held back is counted and told with the next message, so nothing vanishes. A
 * delivery has a timeout, is tried again, obeys `Retry-After`, and pauses when a channel keeps failing.
 *
 * @throws TypeError or RangeError that names the option when one is unknown, of the wrong type or out of range.
 * @example
 * ```ts
 * import { AlertManager } from "@kstlib/resilience/alerts";
 *
 * const told: string[] = [];
 * const channel = { name: "ops", deliver: async ({ title }: { title: string }) => void told.push(title) };
 * await using alerts = new AlertManager({ channels: [channel] });
 * const [result] = await alerts.send({ title: "the feed is silent", level: "warning", key: "feed" });
 * console.assert(result?.success === true);
 * await alerts.resolve("feed");
 * console.assert(told.join() === "the feed is silent,resolved: the feed is silent");
 * ```
 */
export class AlertManager extends Printed implements Component, AsyncDisposable {
  readonly #settings: AlertManagerSettings;
  readonly #owner: string;
  readonly #events: Events<AlertManagerEvents>;
  readonly #members: Member[] = [];
  readonly #repeats: Repeats;
  readonly #problems: Problems<Member>;
  #closing: Promise<void> | undefined;
  #isClosed = false;
  #isLateWarned = false;

  constructor(options?: AlertManagerOptions) {
    super();
    const settings = resolveAlertManager(options);
    this.#settings = settings;
    const { name, clock, dedupe, maxQueue } = settings;
    this.#owner = `alert manager ${JSON.stringify(name)}`;
    this.#events = new Events(this.#owner, EVENT_NAMES, { kind: "alerts", name });
    this.#repeats = new Repeats(clock, dedupe, maxQueue);
    this.#problems = new Problems(maxQueue);
    for (const { channel, ...how } of madeChannels(settings)) this.addChannel(channel, how);
  }

  /**
   * A manager of what a file says, instead of the process-wide configuration: `from(config.alerts)`.
   *
   * @throws TypeError or RangeError as the constructor.
   */
  static from(config: AlertsSection, options?: AlertManagerOptions): AlertManager {
    const alerts = checkSection("alerts", section, config);
    const source = pushConfiguration({ ...currentConfiguration(), alerts });
    try {
      return new AlertManager(options);
    } finally {
      source[Symbol.dispose]();
    }
  }

  get name(): string {
    return this.#settings.name;
  }

  /** How many channels there are. */
  get channelCount(): number {
    return this.#members.length;
  }

  /** What became of the alerts, by channel. */
  get stats(): AlertManagerStats {
    const channels = this.#members.map(({ lane }) => [lane.name, lane.stats] as const);
    return Object.freeze({ channels: Object.freeze(Object.fromEntries(channels)) });
  }

  /**
   * Adds a channel.
   *
   * @throws TypeError or RangeError for something that is no channel, a name that is taken, or a wrong option.
   */
  addChannel(channel: AlertChannel, options: AddChannelOptions = {}): this {
    checkChannel(channel, "the channel");
    const own = ownOptions("addChannel", { key: 0, minLevel: 0, throttle: 0 }, options);
    const key = own["key"] === undefined ? undefined : keyRule.parse(own["key"], "key");
    const { clock, group, timeout, maxRetries, maxQueue } = this.#settings;
    const minLevel = own["minLevel"] === undefined ? this.#settings.minLevel : own["minLevel"];
    const least = rank(levelRule.parse(minLevel, "minLevel"));
    const throttle =
      own["throttle"] === undefined
        ? this.#settings.throttle
        : throttleRule.parse(own["throttle"], "throttle");
    const { name } = channel;
    for (const taken of [name, key]) {
      if (taken !== undefined && this.#named(taken).length > 0) {
        throw new RangeError(`${this.#owner} already has a channel ${JSON.stringify(taken)}.`);
      }
    }
    const lane = new Lane(
      channel,
      { clock, group, timeout, maxRetries, maxQueue, throttle },
      {
        sent: ({ title, level, count }) =>
          this.#events.emit("sent", Object.freeze({ channel: name, title, level, count })),
        failed: ({ title }, error) =>
          this.#events.emit("failed", Object.freeze({ channel: name, title, error })),
        dropped: (count) => this.#dropped(name, count),
      },
    );
    if (this.#closing !== undefined) void lane.close(0);
    this.#members.push({ lane, key, least });
    return this;
  }

  /**
   * Sends alerts to all channels that get their level, or to one of them, whatever the level. Resolves with what became
   * of each alert at each channel, as soon as that is known; never rejects because of a delivery.
   *
   * @param options `channel`: the name or key of one channel.
   * @throws TypeError or RangeError for something that is no alert, or a channel that there is not.
   */
  async send(
    alerts: Alert | readonly Alert[],
    options: { readonly channel?: string | undefined } = {},
  ): Promise<readonly AlertResult[]> {
    const { channel } = ownOptions("send", { channel: 0 }, options);
    const selected = channel === undefined ? undefined : this.#named(channel);
    if (selected?.length === 0) {
      const names = this.#members.map(({ lane }) => lane.name).join(", ") || "none";
      throw new RangeError(`${this.#owner} has no channel ${show(channel)}; it has ${names}.`);
    }
    const { clock } = this.#settings;
    const given = (Array.isArray(alerts) ? alerts : [alerts]) as readonly Alert[];
    const read = given.map((alert) => readAlert(alert, clock.wallNow(), crypto.randomUUID()));
    const results = await Promise.all(read.map((alert) => this.#send(alert, selected)));
    return results.flat();
  }

  /**
   * Tells that the problem of a key is over, to the channels that were told of it: once, and nothing if there is no such
   * problem.
   */
  async resolve(key: string): Promise<readonly AlertResult[]> {
    const found = this.#problems.end(key);
    if (found === undefined) return [];
    this.#repeats.end(key);
    const message = recovery(found.alert, this.#settings.clock.wallNow(), crypto.randomUUID());
    return Promise.all([...found.told.keys()].map(({ lane }) => lane.take(message)));
  }

  /**
   * Sends a critical alert, or for a missed beat a warning; fits the `onAlert` of every component:
   * `new Heartbeat({ onAlert: alerts.onAlert })`.
   */
  readonly onAlert = (channel: string, message: string, context?: unknown): void => {
    void this.send(componentAlert(channel, message, context));
  };

  /**
   * Sends what is held back, whatever the throttle, and waits for what is under way. What cannot be sent until the deadline
   * is dropped, and told by a `dropped` event or a warning. Alerts that come later are dropped too.
   *
   * @param options `deadline`: default 10 s.
   */
  close(options: { readonly deadline?: Duration | undefined } = {}): Promise<void> {
    const own = ownOptions("close", { deadline: 0 }, options);
    const deadline = deadlineRule.parse(own["deadline"] ?? deadlineRule.fallback, "deadline");
    this.#closing ??= this.#close(deadline);
    return this.#closing;
  }

  /** As {@link close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Adds a listener of `sent`, `failed` or `dropped`; disposing of the result removes it.
   *
   * @throws TypeError for an unknown event or a listener that is not a function.
   */
  on<Name extends keyof AlertManagerEvents>(
    name: Name,
    listener: Listener<AlertManagerEvents[Name]>,
  ): Disposable {
    return this.#events.on(name, listener);
  }

  /** The current state as a frozen copy; without any secret. */
  snapshot(): AlertManagerSnapshot {
    const { name, stats } = this;
    const isClosed = this.#closing !== undefined;
    const active = Object.freeze(this.#problems.keys);
    return Object.freeze({ kind: "alerts", name, isClosed, active, stats });
  }

  #named(name: unknown): readonly Member[] {
    return this.#members.filter(({ lane, key }) => lane.name === name || key === name);
  }

  #send(alert: Delivery, selected: readonly Member[] | undefined): Promise<readonly AlertResult[]> {
    const members = selected ?? this.#members.filter(({ least }) => rank(alert.level) >= least);
    if (members.length === 0) return Promise.resolve([]);
    const { key } = alert;
    const problem =
      key === undefined || alert.level === "success" ? undefined : this.#problems.begin(key, alert, members);
    const lanes = members.map(({ lane }) => lane);
    if (this.#closing === undefined && this.#repeats.isRepeated(alert, lanes)) {
      return Promise.resolve(lanes.map((lane) => lane.count()));
    }
    return this.#deliver(alert, members, problem);
  }

  async #deliver(
    alert: Delivery,
    members: readonly Member[],
    problem: Problem<Member> | undefined,
  ): Promise<readonly AlertResult[]> {
    const results = await Promise.all(members.map(({ lane }) => lane.take(alert)));
    const untold = members.filter((_, index) => ["failed", "dropped"].includes(results[index]?.status ?? ""));
    if (alert.key !== undefined && problem !== undefined) this.#problems.forget(alert.key, problem, untold);
    return results;
  }

  async #close(deadline: number): Promise<void> {
    this.#repeats.endAll();
    await Promise.all(this.#members.map(({ lane }) => lane.close(deadline)));
    this.#isClosed = true;
  }

  #dropped(channel: string, count: number): void {
    if (!this.#events.has("dropped") && !this.#isLateWarned) {
      const rest = this.#isClosed ? "; it does not warn of later ones" : "";
      this.#isLateWarned = this.#isClosed;
      warn(
        "KSTLIB_ALERTS_DROPPED",
        `${this.#owner} was closed before it could tell ${channel} of ${count} alerts${rest}`,
      );
    }
    this.#events.emit("dropped", Object.freeze({ channel, count }));
  }
}

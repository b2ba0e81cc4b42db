import type { Component } from "../kernel/component.js";
import type { Duration } from "../kernel/duration.js";
import { Events, type Listener } from "../kernel/events.js";
import type { LogRules } from "../kernel/log-rule.js";
import { ownOptions } from "../kernel/options.js";
import { Printed } from "../kernel/printed.js";
import { duration, text } from "../kernel/rules.js";
import { show } from "../kernel/show.js";
import { warn } from "../kernel/warning.js";
import type { Alert, AlertLevel, Delivery } from "./alert.js";
import { reasonOf } from "./errors.js";
import { type AlertChannel, checkChannel } from "./channel.js";
import { howRules, type ThrottleSettings } from "./channel-rules.js";
import { componentAlert } from "./component-alert.js";
import {
  type AlertManagerEvents,
  type AlertManagerSnapshot,
  type AlertManagerStats,
  type AlertResult,
  EVENT_NAMES,
} from "./events.js";
import { Lane } from "./lane.js";
import { logRules } from "./log-rules.js";
import { rank, readAlert, recovery } from "./messages.js";
import type { SendingSettings } from "./options.js";
import { nested } from "./nested.js";
import { type Problem, Problems } from "./problems.js";
import { Repeats } from "./repeats.js";
import type { AlertThrottle } from "./throttle.js";

/** Options of `addChannel`. */
export interface AddChannelOptions {
  /** A second name, by which `send` selects the channel. */
  readonly key?: string | undefined;
  /** The lowest level that the channel gets. Default: that of the manager. */
  readonly minLevel?: AlertLevel | undefined;
  /** Its throttle. Default: as that of the manager. */
  readonly throttle?: AlertThrottle | false | undefined;
  /** How long one attempt to deliver may take. From 1 s to 2 min; default: as that of the manager. */
  readonly timeout?: Duration | undefined;
}

/** A channel and how it is used, checked; milliseconds. */
export interface MadeChannel {
  readonly channel: AlertChannel;
  readonly key?: string | undefined;
  readonly minLevel?: AlertLevel | undefined;
  readonly throttle?: ThrottleSettings | false | undefined;
  readonly timeout?: number | undefined;
}

/** A channel with what it is selected by. */
interface Member {
  readonly lane: Lane;
  readonly key: string | undefined;
  readonly least: number;
}

const addRules = { key: text(undefined), ...howRules };
const WARNINGS = {
  failed: "KSTLIB_ALERTS_FAILED",
  dropped: "KSTLIB_ALERTS_DROPPED",
  forgotten: "KSTLIB_ALERTS_FORGOTTEN",
} as const;

const deadlineRule = duration("10s", { zero: true });

/** What sends alerts, wherever its channels come from. */
export abstract class BaseManager extends Printed implements Component, AsyncDisposable {
  /** @internal */
  readonly logRules: LogRules = logRules;
  readonly #settings: SendingSettings;
  readonly #owner: string;
  readonly #events: Events<AlertManagerEvents>;
  readonly #members: Member[] = [];
  readonly #repeats: Repeats;
  readonly #problems: Problems<Member>;
  #closing: Promise<void> | undefined;
  #isClosed = false;
  /** What was warned of, which is not repeated. */
  readonly #warned = new Set<string>();

  /** @param channels those that it has from the beginning. */
  constructor(settings: SendingSettings, channels: readonly MadeChannel[]) {
    super();
    this.#settings = settings;
    const { name, clock, dedupe, maxQueue } = settings;
    this.#owner = `alert manager ${JSON.stringify(name)}`;
    this.#events = new Events(this.#owner, EVENT_NAMES, { kind: "alerts", name });
    this.#repeats = new Repeats(clock, dedupe, maxQueue);
    this.#problems = new Problems(maxQueue, (key, title) => this.#forgotten(key, title));
    for (const { channel, ...how } of channels) this.#add(channel, how);
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
    this.#add(channel, nested("addChannel", addRules, options));
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
    const message = recovery(key, found.title, this.#settings.clock.wallNow(), crypto.randomUUID());
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
   * Adds a listener of `sent`, `failed`, `dropped` or `forgotten`; disposing of the result removes it.
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

  #add(channel: AlertChannel, how: Omit<MadeChannel, "channel">): void {
    const settings = this.#settings;
    const {
      key,
      minLevel = settings.minLevel,
      throttle = settings.throttle,
      timeout = settings.timeout,
    } = how;
    const { name } = channel;
    for (const taken of [name, key]) {
      if (taken !== undefined && this.#named(taken).length > 0) {
        throw new RangeError(`${this.#owner} already has a channel ${JSON.stringify(taken)}.`);
      }
    }
    const lane = new Lane(
      channel,
      { ...settings, throttle, timeout },
      {
        sent: ({ title, level, count }) =>
          this.#events.emit("sent", Object.freeze({ channel: name, title, level, count })),
        failed: ({ title }, error) => this.#failed(name, title, error),
        dropped: (count) => this.#dropped(name, count),
      },
    );
    if (this.#closing !== undefined) void lane.close(0);
    this.#members.push({ lane, key, least: rank(minLevel) });
  }

  #named(name: unknown): readonly Member[] {
    return this.#members.filter(({ lane, key }) => lane.name === name || key === name);
  }

  #send(alert: Delivery, selected: readonly Member[] | undefined): Promise<readonly AlertResult[]> {
    const members = selected ?? this.#members.filter(({ least }) => rank(alert.level) >= least);
    if (this.#members.length === 0) {
      this.#warnOnce("KSTLIB_ALERTS_NO_CHANNEL", "", "has no channel: its alerts reach nobody");
    }
    if (members.length === 0) return Promise.resolve([]);
    const { key } = alert;
    const problem =
      key === undefined || alert.level === "success"
        ? undefined
        : this.#problems.begin(key, alert.title, members);
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

  #failed(channel: string, title: string, error: unknown): void {
    const what = `could not tell ${channel} of ${JSON.stringify(title)}: ${reasonOf(error)}`;
    this.#warnUnlessHeard("failed", channel, what);
    this.#events.emit("failed", Object.freeze({ channel, title, error }));
  }

  #forgotten(key: string, title: string): void {
    const what = `knows of more problems than maxQueue: the recovery of ${JSON.stringify(title)} will not be told`;
    this.#warnUnlessHeard("forgotten", "forgotten", what);
    this.#events.emit("forgotten", Object.freeze({ key, title }));
  }

  #dropped(channel: string, count: number): void {
    const what = `was closed before it could tell ${channel} of ${count} alerts`;
    this.#warnUnlessHeard("dropped", this.#isClosed ? "late" : channel, what);
    this.#events.emit("dropped", Object.freeze({ channel, count }));
  }

  /** Warns, once for each channel or cause, of an event that nobody listens to. */
  #warnUnlessHeard(event: keyof typeof WARNINGS, once: string, what: string): void {
    if (!this.#events.has(event)) this.#warnOnce(WARNINGS[event], once, what);
  }

  #warnOnce(code: string, once: string, what: string): void {
    if (this.#warned.has(`${code} ${once}`)) return;
    this.#warned.add(`${code} ${once}`);
    warn(code, `${this.#owner} ${what}`);
  }
}

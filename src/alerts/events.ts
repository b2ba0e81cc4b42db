import type { Snapshot } from "../kernel/component.js";
import type { AlertLevel } from "./alert.js";

/**
 * What became of an alert at one channel: `sent`; `held` back by the throttle, a pause or a full queue, and counted in
 * the next message; `merged` with an equal one, and counted likewise; `failed` to be delivered; `dropped`, because the
 * manager is closed.
 */
export type AlertStatus = "sent" | "held" | "merged" | "failed" | "dropped";

/** What `send` resolves with, for each alert and channel. */
export interface AlertResult {
  /** The name of the channel. */
  readonly channel: string;
  readonly status: AlertStatus;
  /** Whether it was delivered. */
  readonly success: boolean;
  /** What the channel gave, if it did. */
  readonly messageId: string | undefined;
  /** Why it failed. */
  readonly error: unknown;
}

/** The events of an `AlertManager`. */
export interface AlertManagerEvents {
  /** A channel has delivered a message, which stands for `count` alerts. */
  readonly sent: {
    readonly channel: string;
    readonly title: string;
    readonly level: AlertLevel;
    readonly count: number;
  };
  /**
   * A channel could not deliver a message. What it counted is told with a later one. Without a listener the first of a channel
   * is a warning.
   */
  readonly failed: { readonly channel: string; readonly title: string; readonly error: unknown };
  /** `count` alerts are lost, because the manager was closed before they could be told. Without a listener it is a warning. */
  readonly dropped: { readonly channel: string; readonly count: number };
  /** More problems than `maxQueue` are open, so that the end of the oldest will not be told. Without a listener it is a warning. */
  readonly forgotten: { readonly key: string; readonly title: string };
}

/** Their names. */
export const EVENT_NAMES: readonly (keyof AlertManagerEvents)[] = ["sent", "failed", "dropped", "forgotten"];

/** What became of the alerts of one channel. `given` is the sum of the others. */
export interface ChannelStats {
  /** Alerts that were for this channel. */
  readonly given: number;
  /** Those delivered in full. */
  readonly sent: number;
  /** Those that were held back or repeated, and told later: by a number, unless there was only one. */
  readonly counted: number;
  readonly failed: number;
  readonly dropped: number;
  /** Those still to be told. */
  readonly pending: number;
}

/** What became of all alerts, by the name of the channel. */
export interface AlertManagerStats {
  readonly channels: Readonly<Record<string, ChannelStats>>;
}

/** The state of an `AlertManager` at one moment. */
export interface AlertManagerSnapshot extends Snapshot {
  readonly kind: "alerts";
  readonly isClosed: boolean;
  /** The keys whose recovery has not been sent. */
  readonly active: readonly string[];
  readonly stats: AlertManagerStats;
}

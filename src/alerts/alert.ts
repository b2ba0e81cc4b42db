/** How much an alert matters, lowest first. */
export type AlertLevel = "info" | "success" | "warning" | "critical";

/** What an application sends. */
export interface Alert {
  /** One line. */
  readonly title: string;
  /** More lines. Default none. */
  readonly body?: string | undefined;
  /** Default `"info"`. */
  readonly level?: AlertLevel | undefined;
  /** Names the problem: alerts with the same key are the same, and `resolve(key)` ends it. Default none. */
  readonly key?: string | undefined;
  /** When it happened. Default: now. */
  readonly timestamp?: Date | undefined;
}

/** An alert as a channel gets it. */
export interface Delivery {
  /** One line, without control characters; may come from outside. */
  readonly title: string;
  /** Lines; may come from outside and be empty. */
  readonly body: string;
  readonly level: AlertLevel;
  readonly key: string | undefined;
  readonly timestamp: Date;
  /** Tells that the problem of this key is over. */
  readonly isRecovery: boolean;
  /** How many alerts this message stands for, itself included. */
  readonly count: number;
  /** The same for every attempt to deliver it, and for nothing else. */
  readonly id: string;
}

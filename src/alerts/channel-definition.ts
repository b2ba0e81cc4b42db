import type { Duration } from "../kernel/duration.js";
import type { AlertLevel } from "./alert.js";
import type { AlertThrottle } from "./throttle.js";

/** A channel as a file defines it, in code with its keys in camelCase. Secrets stand in it by name only. */
export interface ChannelDefinition {
  readonly type: "slack" | "mattermost" | "discord" | "webhook" | "email" | "console";
  /** Names the channel in results and messages; its key selects it too. Default: its key. */
  readonly name?: string | undefined;
  /**
   * The name of the secret: the address of the incoming webhook, the password of the mail server, or the secret that
   * signs what a `webhook` sends.
   */
  readonly credentials?: string | undefined;
  /** The lowest level that this channel gets. Default: that of the manager. */
  readonly minLevel?: AlertLevel | undefined;
  /** Its throttle. Default: as that of the manager. */
  readonly throttle?: AlertThrottle | false | undefined;
  /** How long one attempt to deliver may take. Default: as that of the manager. */
  readonly timeout?: Duration | undefined;
  /** The address of a `webhook`. */
  readonly url?: string | undefined;
  /** The name of the address of a `webhook`, where that is a secret. */
  readonly urlCredentials?: string | undefined;
  /** The name that the messages of Slack, Mattermost or Discord have. */
  readonly username?: string | undefined;
  readonly iconEmoji?: string | undefined;
  /** The mail server. */
  readonly transport?:
    | { readonly host: string; readonly port?: number; readonly secure?: boolean; readonly user?: string }
    | undefined;
  readonly sender?: string | undefined;
  readonly recipients?: string | readonly string[] | undefined;
  readonly subjectPrefix?: string | undefined;
}

/** Channels by their names, and what counts for all of them. */
export type ChannelDefinitions = {
  readonly timeout?: Duration;
  readonly maxRetries?: number;
} & { readonly [name: string]: ChannelDefinition | Duration | number | undefined };

import type { ShutdownMember } from "../report.js";

/** What became of the callbacks of another thread or process, as plain data. */
export type MemberResults = ShutdownMember["results"];

/** What a parent says to a member, a thread or process that it ends. */
export type Command =
  | { readonly step: "ask" }
  /** `time`: how long it may take, in milliseconds. */
  | { readonly step: "begin"; readonly reason: string; readonly time: number };

/** What the member replies: that it obeys commands, and how its shutdown ended. */
export type Reply =
  | { readonly step: "here" }
  | { readonly step: "ended"; readonly ok: boolean; readonly results: MemberResults };

/** Tells these messages from the application's own: in a cluster both take the same way. */
const KEY = "@kstlib/resilience/shutdown";

/** Makes a message of a command or reply. */
export function pack(content: Command | Reply): object {
  return { [KEY]: content };
}

function contentOf(message: unknown): unknown {
  return Object.hasOwn(Object(message), KEY) ? Reflect.get(Object(message), KEY) : undefined;
}

/** The command in a message; `undefined` in a message that is none. */
export function commandIn(message: unknown): Command | undefined {
  return contentOf(message) as Command | undefined;
}

/** The reply in a message; `undefined` in a message that is none. */
export function replyIn(message: unknown): Reply | undefined {
  return contentOf(message) as Reply | undefined;
}

/** The name of the channel between a thread and its parent, which has no other messages. */
export function channelOf(threadId: number): string {
  return `${KEY}/${threadId}`;
}

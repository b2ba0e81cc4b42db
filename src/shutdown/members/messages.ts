import type { ShutdownMember } from "../report.js";

/** What has become of the callbacks of another thread or process; it has crossed over as data. */
export type MemberResults = ShutdownMember["results"];

/** What those above say to a thread or process below them. */
export type Order =
  | { readonly step: "ask" }
  /** `time`: how long it may take, in milliseconds. */
  | { readonly step: "begin"; readonly reason: string; readonly time: number };

/** What it answers: that it will obey, and what has become of it. */
export type Answer =
  | { readonly step: "here" }
  | { readonly step: "ended"; readonly ok: boolean; readonly results: MemberResults };

/** By this key both are told from the application's own messages, among which those of a cluster travel. */
const KEY = "@kstlib/resilience/shutdown";

/** Makes a message. */
export function pack(content: Order | Answer): object {
  return { [KEY]: content };
}

function contentOf(message: unknown): unknown {
  return Object.hasOwn(Object(message), KEY) ? Reflect.get(Object(message), KEY) : undefined;
}

/** Finds the order in a message; `undefined` in all others. */
export function orderIn(message: unknown): Order | undefined {
  return contentOf(message) as Order | undefined;
}

/** Finds the answer in a message; `undefined` in all others. */
export function answerIn(message: unknown): Answer | undefined {
  return contentOf(message) as Answer | undefined;
}

/** The channel between a thread and those above it; messages of the application never travel there. */
export function channelOf(threadId: number): string {
  return `${KEY}/${threadId}`;
}

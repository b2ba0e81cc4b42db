import { nodeProcess } from "./node-process.js";

/** The part of a `node:diagnostics_channel` channel that components use. */
export interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: object): void;
}

const UNHEARD: Channel = { hasSubscribers: false, publish() {} };

/** Shared by all components of a kind: looking channels up would be most of the cost of creating a component. */
const opened = new Map<string, Map<string, Channel>>();

/**
 * The channel `kstlib.resilience.<kind>.<event>` of the process, on which each component of the kind publishes the
 * event; without subscribers where the runtime has no channels.
 */
export function openChannel(kind: string, event: string): Channel {
  const ofKind = opened.get(kind) ?? new Map<string, Channel>();
  opened.set(kind, ofKind);
  let channel = ofKind.get(event);
  if (channel === undefined) {
    const channels = nodeProcess()?.getBuiltinModule?.("node:diagnostics_channel");
    channel = channels?.channel(`kstlib.resilience.${kind}.${event}`) ?? UNHEARD;
    ofKind.set(event, channel);
  }
  return channel;
}

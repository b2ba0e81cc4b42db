/** What components need of a channel of `node:diagnostics_channel`. */
export interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: object): void;
}

/** One that nobody hears. */
export const UNHEARD: Channel = { hasSubscribers: false, publish() {} };

/**
 * The channel `kstlib.resilience.<kind>.<event>` of the process, on which each component of the kind publishes the
 * event; one that nobody hears where the runtime has no channels.
 */
export function openChannel(kind: string, event: string): Channel {
  // Not imported: the core also runs where there is no Node.
  const { process } = globalThis as { readonly process?: Partial<NodeJS.Process> };
  const channels = process?.getBuiltinModule?.("node:diagnostics_channel");
  return channels?.channel(`kstlib.resilience.${kind}.${event}`) ?? UNHEARD;
}

import type { Command } from "./command.js";

/** A command before it is loaded. */
export interface CommandEntry {
  readonly name: string;
  readonly load: () => Promise<Command>;
}

/** Everything that the command line can do, in the order of the overview. Loaded one at a time: a probe starts often. */
export const commands: readonly CommandEntry[] = [
  {
    name: "status",
    load: async () => (await import("./status/status.js")).status,
  },
  {
    name: "check",
    load: async () => (await import("./check.js")).check,
  },
];

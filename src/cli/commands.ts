import { check } from "./check.js";
import type { Command } from "./command.js";

/** A command before it is loaded. */
export interface CommandEntry {
  readonly name: string;
  readonly load: () => Promise<Command>;
}

/**
 * All commands, in the order of the overview. `check` is loaded with the program, because probes run it every few
 * seconds; the others are loaded when they are used.
 */
export const commands: readonly CommandEntry[] = [
  {
    name: "status",
    load: async () => (await import("./status/status.js")).status,
  },
  {
    name: "check",
    load: async () => check,
  },
  {
    name: "config show",
    load: async () => (await import("./config/show.js")).configShow,
  },
  {
    name: "config validate",
    load: async () => (await import("./config/validate.js")).configValidate,
  },
  {
    name: "config init",
    load: async () => (await import("./config/init.js")).configInit,
  },
  {
    name: "config schema",
    load: async () => (await import("./config/schema.js")).configSchema,
  },
  {
    name: "supervise",
    load: async () => (await import("./supervise/supervise.js")).supervise,
  },
];

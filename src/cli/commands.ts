import type { Command } from "./command.js";

/** A command before it is loaded: what the overview shows of it. */
export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** Everything that the command line can do, in the order of the overview. Loaded one at a time: a probe starts often. */
export const commands: readonly CommandEntry[] = [
  {
    name: "check",
    summary: "is one heartbeat alive? For a Docker HEALTHCHECK or a Kubernetes exec probe",
    load: async () => (await import("./check.js")).check,
  },
];

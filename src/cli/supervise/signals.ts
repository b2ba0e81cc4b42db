import os from "node:os";

/** What the supervisor does with a signal. */
export interface SignalRole {
  readonly role: "stop" | "pass" | "suspend" | "continue";
  /**
   * A signal that a terminal generates goes to the whole process group, as if the program itself were in the
   * foreground. Any other goes to the program alone, which may forward it.
   */
  readonly to: "program" | "group";
}

/** @param hasTerminal with a terminal, SIGHUP means that it was closed; without one, a request to reload. */
export function signalRoles(hasTerminal: boolean): ReadonlyMap<NodeJS.Signals, SignalRole> {
  return new Map<NodeJS.Signals, SignalRole>([
    ["SIGTERM", { role: "stop", to: "program" }],
    ["SIGINT", { role: "stop", to: "group" }],
    ["SIGQUIT", { role: "stop", to: "group" }],
    ["SIGHUP", hasTerminal ? { role: "stop", to: "group" } : { role: "pass", to: "program" }],
    ["SIGUSR1", { role: "pass", to: "program" }],
    ["SIGUSR2", { role: "pass", to: "program" }],
    ["SIGWINCH", { role: "pass", to: "group" }],
    ["SIGTSTP", { role: "suspend", to: "group" }],
    ["SIGCONT", { role: "continue", to: "group" }],
  ]);
}

/** The exit code of a program as shells report it: its own, or 128 + the number of the signal that ended it. */
export function shellCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : os.constants.signals[signal]);
}

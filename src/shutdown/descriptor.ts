import { logged, told, toldError } from "../kernel/log-line.js";
import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../kernel/descriptor.js";
import { GracefulShutdown } from "./graceful-shutdown.js";
import { checkDelay, type GracefulShutdownOptions, liveRules, shutdownRules } from "./options.js";
import type { ShutdownEvents } from "./report.js";

export const section: SectionDescriptor = {
  rules: sectionRules(shutdownRules),
  // The name in the Python original.
  aliases: { timeout: "default_timeout" },
  together: checkDelay,
};

export const component: ComponentDescriptor<GracefulShutdown, ShutdownEvents> = {
  kind: "shutdown",
  events: {
    begin: logged("info", ({ reason, error }) => ({
      message: `begins: ${reason}`,
      fields: { reason, ...toldError(error) },
    })),
    callback: logged("warn", ({ result: { name, status, seconds, error } }) => ({
      level: status === "done" ? "info" : "warn",
      message: `${name} ${status} after ${told(seconds)}`,
      fields: { callback: name, status, seconds, ...toldError(error) },
    })),
    complete: logged("error", ({ report: { ok, seconds, reason } }) => ({
      level: ok ? "info" : "error",
      message: `${ok ? "complete" : "not complete"} after ${told(seconds)}`,
      fields: { ok, seconds, reason },
    })),
  },
  configured: { section: "shutdown", rules: shutdownRules, live: Object.keys(liveRules) },
  make: (options: GracefulShutdownOptions) => new GracefulShutdown(options),
  only: {
    release: (shutdown) => shutdown.uninstall(),
    // Not awaited if in progress, because one of its callbacks may be the one that ends the registry.
    end: async (shutdown) => {
      if (!shutdown.isShuttingDown) await shutdown[Symbol.asyncDispose]();
    },
  },
};

export const meanings: Meanings = {
  means: "Ends the process in an orderly way when it is told to stop.",
  options: {
    timeout: { means: "limits the whole shutdown" },
    signals: { means: "the signals that begin a shutdown" },
    forceExitCode: { means: "exit code when a callback failed, timed out or was skipped" },
    exitOnSignal: { means: "whether the process exits after a shutdown that a signal began" },
    repeatGrace: { means: "how long further signals count as copies of the first" },
    onSecondSignal: { means: "whether a later signal ends the process at once; by default SIGINT does" },
    handleUncaught: { means: "whether an uncaught exception also begins a shutdown" },
    preStopDelay: { means: "how long to keep serving while load balancers take notice" },
    reserve: { means: "share of the remaining time that a server leaves to later callbacks" },
  },
};

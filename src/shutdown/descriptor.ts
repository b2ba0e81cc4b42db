import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../kernel/descriptor.js";
import { GracefulShutdown } from "./graceful-shutdown.js";
import { checkDelay, type GracefulShutdownOptions, shutdownRules } from "./options.js";
import type { ShutdownEvents } from "./report.js";

export const section: SectionDescriptor = {
  rules: sectionRules(shutdownRules),
  // As the Python original calls it.
  aliases: { timeout: "default_timeout" },
  together: checkDelay,
};

export const component: ComponentDescriptor<GracefulShutdown, ShutdownEvents> = {
  kind: "shutdown",
  events: { begin: true, callback: true, complete: true },
  make: (options: GracefulShutdownOptions) => new GracefulShutdown(options),
  only: {
    release: (shutdown) => shutdown.uninstall(),
    // One in progress is not waited for: one of its callbacks may be what ends the registry.
    end: async (shutdown) => {
      if (!shutdown.isShuttingDown) await shutdown[Symbol.asyncDispose]();
    },
  },
};

export const meanings: Meanings = {
  means: "Ends the process in order when it is told to.",
  options: {
    timeout: { means: "for everything together" },
    signals: { means: "what begins a shutdown" },
    forceExitCode: { means: "exit code when a callback failed, timed out or was skipped" },
    exitOnSignal: { means: "whether the process ends when a shutdown begun by a signal is complete" },
    repeatGrace: { means: "for how long signals after the first are copies of it" },
    onSecondSignal: { means: "whether a later signal ends the process at once; default: SIGINT does" },
    handleUncaught: { means: "whether an uncaught exception shuts down too" },
    preStopDelay: { means: "how long to go on serving while load balancers learn that it ends" },
    reserve: { means: "the part of the time left that a server leaves to the callbacks behind it" },
  },
};

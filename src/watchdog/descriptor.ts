import { logged, told } from "../kernel/log-line.js";
import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../kernel/descriptor.js";
import { checkTogether, liveRules, type WatchdogOptions, watchdogRules } from "./options.js";
import type { WatchdogEvents } from "./snapshot.js";
import { watchedFileRules } from "./watched-file.js";
import { Watchdog } from "./watchdog.js";

export const section: SectionDescriptor = {
  rules: sectionRules(watchdogRules, watchedFileRules),
  // As the Python original calls them.
  aliases: { maxAge: "max_heartbeat_age", checkInterval: "cycle_interval" },
  together: checkTogether,
};

export const component: ComponentDescriptor<Watchdog, WatchdogEvents> = {
  kind: "watchdog",
  events: {
    timeout: logged("error", (info) => {
      const { kind, secondsInactive } = info;
      const fields = { why: kind, secondsInactive };
      // Of a watchdog of a file, which has the same kind.
      const { file } = info as { readonly file?: string };
      const message = `not pinged for ${told(secondsInactive)} (${kind})`;
      return file === undefined
        ? { message, fields }
        : { message: `found ${kind}`, fields: { ...fields, file } };
    }),
    recover: logged("info", (info) => {
      const { secondsTriggered } = info;
      const { file } = info as { readonly file?: string };
      const what = file === undefined ? "pinged again" : "alive again";
      return { message: `${what} after ${told(secondsTriggered)}`, fields: { secondsTriggered, file } };
    }),
    notCounted: logged("info", () => ({ message: "had no CPU, or was stopped; not counted" })),
  },
  configured: { section: "watchdog", rules: watchdogRules, live: Object.keys(liveRules) },
  make: (options: WatchdogOptions) => new Watchdog(options),
};

export const meanings: Meanings = {
  means: "Notices hanging work and a frozen event loop.",
  options: {
    timeout: { means: "how long the work may go without a ping" },
    onFreeze: { means: "what to do with a frozen process, besides reporting it" },
    exitCode: { means: 'the exit code of on_freeze: "exit"' },
    reportDirectory: { means: "a folder for a JSON report of each freeze", example: "reports" },
    maxReports: { means: "how many reports to keep there; the oldest are removed" },
    pollInterval: { means: "how often the monitor looks; without it, a part of the timeout", example: "1s" },
    stateFile: {
      means: "fromStateFile: the file to watch; without it, the heartbeat's",
      example: "state/app.heartbeat",
    },
    maxAge: { means: "fromStateFile: how old a beat may be; without it, three intervals", example: "30s" },
    checkInterval: { means: "fromStateFile: how often to look at the file" },
  },
};

import { logged, toldError } from "../kernel/log-line.js";
import {
  type ComponentDescriptor,
  type Meanings,
  type SectionDescriptor,
  sectionRules,
} from "../kernel/descriptor.js";
import type { HeartbeatEvents } from "./events.js";
import { Heartbeat } from "./heartbeat.js";
import { type HeartbeatOptions, heartbeatRules, liveRules } from "./options.js";

export const section: SectionDescriptor = { rules: sectionRules(heartbeatRules) };

export const component: ComponentDescriptor<Heartbeat, HeartbeatEvents> = {
  kind: "heartbeat",
  events: {
    beat: true,
    missedBeat: logged("warn", (error) => ({ message: "missed a beat", fields: toldError(error) })),
    targetAlive: logged("info", ({ name }) => ({
      message: `${name} is alive again`,
      fields: { target: name },
    })),
    targetDead: logged("warn", ({ name }) => ({ message: `${name} is dead`, fields: { target: name } })),
  },
  configured: { section: "heartbeat", rules: heartbeatRules, live: Object.keys(liveRules) },
  make: (options: HeartbeatOptions) => new Heartbeat(options),
};

export const meanings: Meanings = {
  means: "Writes a file that shows that the process is alive.",
  options: {
    stateFile: { means: "the file; without one, only callbacks are called", example: "state/app.heartbeat" },
    interval: { means: "the time between two beats" },
    metadata: { means: "anything else that readers should know" },
    fsync: { means: "whether each beat is flushed to the disk" },
    mode: { means: 'who may read the file; "0644": every user' },
    systemd: { means: "whether to notify systemd: ready, alive, stopping" },
  },
};

// What the library can do, each shown by a small program that is judged from outside.
import { core } from "./judges/core.mjs";
import { heartbeat } from "./judges/heartbeat.mjs";
import { servers } from "./judges/servers.mjs";
import { shutdown } from "./judges/shutdown.mjs";
import { watchdog } from "./judges/watchdog.mjs";

export const CAPABILITIES = [...core, ...heartbeat, ...watchdog, ...shutdown, ...servers];

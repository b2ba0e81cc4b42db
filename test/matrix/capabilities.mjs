// The capabilities of the library, each shown by a small program that is judged from outside.
import { commandLine } from "./judges/cli.mjs";
import { core } from "./judges/core.mjs";
import { heartbeat } from "./judges/heartbeat.mjs";
import { redis } from "./judges/redis.mjs";
import { runSync } from "./judges/run-sync.mjs";
import { servers } from "./judges/servers.mjs";
import { shutdown } from "./judges/shutdown.mjs";
import { undici } from "./judges/undici.mjs";
import { watchdog } from "./judges/watchdog.mjs";
import { websocket } from "./judges/websocket.mjs";

const AREAS = {
  "Package, patterns, configuration": core,
  Heartbeat: heartbeat,
  Watchdog: [...watchdog, ...runSync],
  Shutdown: [...shutdown, ...servers],
  Redis: redis,
  HTTP: undici,
  WebSocket: websocket,
  "Command line": commandLine,
};

export const CAPABILITIES = Object.entries(AREAS).flatMap(([area, capabilities]) =>
  capabilities.map((capability) => ({ ...capability, area })),
);

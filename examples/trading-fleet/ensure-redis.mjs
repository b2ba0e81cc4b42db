// @ts-check
// A redis-server to start: found, or installed as for the tests.
import { ensurePrograms } from "../../scripts/ensure-system.mjs";

/** Ends the process where there is none, and says what to do. */
export function ensureRedis() {
  if (ensurePrograms(["redis-server"]).length === 0) return;
  console.error(
    "This demo needs a redis-server (6.2 or newer), and there is none here. Install it (apt install redis-server, " +
      "brew install redis), or give its path: REDIS_SERVER=/path/to/redis-server npm run demo -- --redis",
  );
  process.exit(1);
}

import { execFile, spawnSync } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const iptables = process.env["IPTABLES"] ?? "iptables";
const alone = ["--map-root-user", "--net"];
const canDrop = spawnSync("unshare", [...alone, iptables, "-L", "-n"]).status === 0;

// The form without iptables, a server process that is stopped, is in faults.test.ts.
test.skipIf(!canDrop)(
  "a connection whose packets are dropped is found by pings, and made again",
  async () => {
    const program = path.join(import.meta.dirname, "../fixtures/websocket-half-open.mjs");
    const args = [...alone, process.execPath, program, iptables, process.env["HALF_OPEN_TIMES"] ?? "1"];
    const { stdout } = await promisify(execFile)("unshare", args);
    if (process.env["HALF_OPEN_TIMES"] !== undefined) console.log(stdout);
    expect(JSON.parse(stdout)).toMatchObject({ reasons: ["ping-timeout"] });
  },
  300_000,
);

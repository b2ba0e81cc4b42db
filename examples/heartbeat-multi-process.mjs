// Three processes write heartbeats; a monitor that knows only the files says which are alive.
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Heartbeat } from "@kstlib/resilience";

async function service(stateFile) {
  const heartbeat = new Heartbeat({ stateFile, interval: 0.1, metadata: { version: "1.0.0" } });
  heartbeat.start();
  await heartbeat.beat();
  process.send("alive");
  process.once("message", () => {
    void heartbeat.stop().then(() => process.disconnect());
  });
}

async function monitor() {
  const folder = await mkdtemp(path.join(os.tmpdir(), "heartbeats-"));
  const file = (name) => path.join(folder, `${name}.heartbeat`);
  const names = ["api-server", "worker-1", "worker-2"];
  const services = new Map(names.map((name) => [name, fork(fileURLToPath(import.meta.url), [file(name)])]));
  await Promise.all([...services.values()].map((child) => once(child, "message")));

  async function check(title) {
    const found = {};
    for (const name of [...names, "never-started"]) {
      const { status } = await Heartbeat.check(file(name), { maxAge: 30 });
      found[name] = status;
    }
    console.log(`${title}: ${JSON.stringify(found)}`);
    return Object.values(found);
  }

  try {
    const before = await check("at first");
    assert.deepEqual(before, ["alive", "alive", "alive", "unknown"]);
    const [, crashing, stopping] = services.values();
    crashing.kill("SIGKILL");
    stopping.send("stop");
    await Promise.all([once(crashing, "exit"), once(stopping, "exit")]);
    const after = await check("worker-1 was killed, worker-2 stopped");
    assert.deepEqual(after, ["alive", "dead", "stopped", "unknown"]);
    const state = await Heartbeat.readState(file("api-server"));
    assert.equal(state?.pid, services.get("api-server").pid);
  } finally {
    for (const child of services.values()) child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

const [stateFile] = process.argv.slice(2);
await (stateFile === undefined ? monitor() : service(stateFile));

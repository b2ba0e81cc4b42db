// `heartbeat.mjs <write|freeze|read|notify> <file> [max age]`
import { once } from "node:events";
import { Heartbeat } from "@kstlib/resilience";
import { say } from "./say.mjs";

const [, , scenario, stateFile, maxAge] = process.argv;

const scenarios = {
  async write() {
    const heartbeat = new Heartbeat({ stateFile, interval: "100ms" });
    heartbeat.start();
    say("started");
    // The heartbeat does not keep the process alive: the open stdin does.
    await once(process.stdin.resume(), "end");
    await heartbeat.stop();
  },
  freeze() {
    new Heartbeat({ stateFile, interval: "100ms" }).start();
    setTimeout(() => {
      say("freezing");
      for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
    }, 500);
  },
  async notify() {
    const heartbeat = new Heartbeat({ systemd: true });
    heartbeat.start();
    await once(process.stdin.resume(), "end");
    await heartbeat.stop();
  },
  async read() {
    const { status, age } = await Heartbeat.check(stateFile, { maxAge });
    say("checked", { status, age });
  },
};

await scenarios[scenario]();

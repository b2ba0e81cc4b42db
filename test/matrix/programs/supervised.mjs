// `supervised.mjs <heartbeat>`: freezes in its first run, after its first beat; ends orderly in the second.
import fs from "node:fs";
import { GracefulShutdown, Heartbeat } from "@kstlib/resilience";
import { keepAlive, say } from "./say.mjs";

const [, , stateFile] = process.argv;
const runs = `${stateFile}.runs`;
fs.appendFileSync(runs, "x");
const run = fs.statSync(runs).size;

const heartbeat = new Heartbeat({ stateFile, interval: "100ms" });
const shutdown = new GracefulShutdown();
shutdown.register("heartbeat", () => heartbeat.stop());
shutdown.install();
await heartbeat.beat();
heartbeat.start();
keepAlive();
say("run", { run });
if (run === 1) for (;;);

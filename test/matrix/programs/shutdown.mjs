// One program for each way to end.
import { createRequire } from "node:module";
import { GracefulShutdown } from "@kstlib/resilience";
import { keepAlive, say, sayWarnings } from "./say.mjs";

sayWarnings();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function closeDatabase() {
  for (;;);
}

function installed(options, name, callback) {
  const shutdown = new GracefulShutdown(options);
  shutdown.register(name, callback);
  shutdown.install();
  keepAlive();
  return shutdown;
}

const short = { timeout: "500ms", forceExitCode: 75 };

const scenarios = {
  hooks() {
    const shutdown = installed({}, "second", async ({ reason }) => {
      await sleep(20);
      say("second", { reason });
    });
    shutdown.register("first", () => say("first"), { priority: 1 });
  },
  slow: () => installed({ repeatGrace: 0 }, "slow", () => sleep(20_000)).on("begin", () => say("begun")),
  copied: () =>
    installed({}, "work", async () => {
      await sleep(1000);
      say("worked");
    }).on("begin", () => say("begun")),
  async copies() {
    const { GracefulShutdown: Other } = createRequire(import.meta.url)("@kstlib/resilience");
    const other = new Other({ forceExitCode: 75 });
    other.register("other", async () => {
      await sleep(500);
      say("other");
    });
    other.install();
    installed({}, "own", () => say("own"));
  },
  never: () => installed(short, "never", () => new Promise(() => {})),
  blocked: () => installed(short, "database", closeDatabase),
  crash() {
    installed({ handleUncaught: true }, "hook", ({ reason }) => say("hook", { reason }));
    setTimeout(() => {
      throw new Error("of the application");
    }, 50);
  },
  rejection() {
    installed({ handleUncaught: true }, "hook", ({ reason }) => say("hook", { reason }));
    setTimeout(() => void Promise.reject(new Error("of the application")), 50);
  },
  output() {
    installed({}, "logs", () => {
      process.stdout.write("x".repeat(4_000_000));
      process.stdout.write("the end\n");
    });
  },
  first() {
    installed({}, "hook", () => say("hook", { pid: process.pid }));
    setTimeout(() => process.kill(process.pid, "SIGTERM"), 50);
  },
};

await scenarios[process.argv[2]]();
say("ready");

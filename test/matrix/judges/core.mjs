import fs from "node:fs";
import { must } from "../outside.mjs";

const YAML = "resilience:\n  rate_limiter:\n    instances:\n      exchange: { rate: 1200, per: 1m }\n";

export const core = [
  {
    id: "import",
    title: "`import` of the package",
    async judge(outside) {
      const program = outside.start("patterns.mjs", ["import"]);
      const { name, code } = await program.event("imported");
      must(name === "ResilienceError" && code === "ERR_SHOWN", `the error is ${name} ${code}`);
      await program.endsWith(0);
    },
  },
  {
    id: "require",
    title: "`require` of it, with the same error classes",
    async judge(outside) {
      const program = outside.start("require.cjs");
      const { known } = await program.event("required");
      must(known, "an error of the CommonJS build is not one of the ESM build");
      await program.endsWith(0);
    },
  },
  {
    id: "breaker",
    title: "circuit breaker",
    async judge(outside) {
      const program = outside.start("patterns.mjs", ["breaker"]);
      const { state, refused } = await program.event("open");
      must(
        state === "open" && refused,
        `the circuit is ${state}, the call was ${refused ? "" : "not "}refused`,
      );
      const closed = await program.event("closed");
      must(closed.state === "closed" && closed.result === 42, `the circuit is ${closed.state} afterwards`);
      await program.endsWith(0);
    },
  },
  {
    id: "breaker-sync",
    title: "circuit breaker, synchronous",
    async judge(outside) {
      const program = outside.start("patterns.mjs", ["breaker-sync"]);
      const { message } = await program.event("thrown");
      must(message === "boom", `the error thrown is ${message}`);
      must((await program.event("open")).refused, "the call was not refused");
      await program.endsWith(0);
    },
  },
  {
    id: "limiter-sync",
    title: "rate limiter, synchronous",
    async judge(outside) {
      const program = outside.start("patterns.mjs", ["limiter-sync"]);
      const { seconds } = await program.event("acquired");
      must(seconds > 0.39, `three calls at 5 a second took ${seconds} s`);
      await program.endsWith(0);
    },
  },
  {
    id: "fake-timers",
    title: "fake timers of `node:test` move both",
    async judge(outside) {
      const program = outside.start("patterns.mjs", ["fake-timers"]);
      const { isWoken, state } = await program.event("frozen");
      must(!isWoken && state === "open", "the real time still counts");
      const states = [(await program.event("minute")).state, (await program.event("moved")).state].join();
      must(states === "open,half-open", `the circuit is ${states}`);
      await program.event("real");
      await program.endsWith(0);
    },
  },
  {
    id: "config",
    title: "configuration from `kstlib.conf.yml`",
    async judge(outside) {
      const file = outside.file("kstlib.conf.yml");
      fs.writeFileSync(file, YAML);
      const program = outside.start("patterns.mjs", ["config", file]);
      const { rate, per } = await program.event("configured");
      must(rate === 1200 && per === 60, `the limiter has ${rate} per ${per} s`);
      await program.endsWith(0);
    },
  },
];

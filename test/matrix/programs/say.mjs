import { writeSync } from "node:fs";

/** One JSON line, written at once: a killed process must not lose what it has said. */
export const say = (event, data = {}) => writeSync(1, `${JSON.stringify({ event, ...data })}\n`);

/** A warning of the process is an event like any other. */
export const sayWarnings = () =>
  process.on("warning", ({ code, message }) => say("warning", { code, message }));

export const keepAlive = () => setInterval(() => {}, 1000);

import { writeSync } from "node:fs";

/** One JSON line, written synchronously: a killed process must not lose its output. */
export const say = (event, data = {}) => writeSync(1, `${JSON.stringify({ event, ...data })}\n`);

/** Process warnings are printed as events. */
export const sayWarnings = () =>
  process.on("warning", ({ code, message }) => say("warning", { code, message }));

export const keepAlive = () => setInterval(() => {}, 1000);

import type { Writable } from "node:stream";
import type { Clock } from "../kernel/clock.js";

/** How long unwritten output may hold up the exit, in milliseconds: a reader that is gone must not hold it for ever. */
export const FLUSH_LIMIT = 1000;

function standardStreams(): readonly Writable[] {
  const streams: Writable[] = [];
  for (const name of ["stdout", "stderr"] as const) {
    try {
      streams.push(process[name]);
    } catch {
      // The getter opens the descriptor and throws for an odd one: then nothing was ever written to it.
    }
  }
  return streams;
}

/** Makes a closed reader of stdout or stderr harmless until the result is disposed of: EPIPE is no error here. */
export function tolerateClosedOutput(): Disposable {
  const ignore = (): void => {};
  const streams = standardStreams();
  for (const stream of streams) stream.on("error", ignore);
  return {
    [Symbol.dispose]() {
      for (const stream of streams) stream.off("error", ignore);
    },
  };
}

/**
 * Waits until what was written to stdout and stderr has reached the operating system, `FLUSH_LIMIT` at most:
 * writes to a pipe are asynchronous, and `process.exit` drops what is still queued.
 */
export async function flushOutput(clock: Clock): Promise<void> {
  // Warnings print on the next tick, which comes after all promise jobs.
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
  const unwritten = standardStreams().filter((stream) => stream.writableLength > 0);
  if (unwritten.length === 0) return;
  const tolerance = tolerateClosedOutput();
  await new Promise<void>((resolve) => {
    let left = unwritten.length;
    const timer = clock.setTimer(resolve, FLUSH_LIMIT);
    const written = (): void => {
      left -= 1;
      if (left > 0) return;
      timer.cancel();
      resolve();
    };
    // The callback of an empty write comes after all that was written before, or with the error.
    for (const stream of unwritten) stream.write("", written);
  });
  tolerance[Symbol.dispose]();
}

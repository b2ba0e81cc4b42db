import type { Writable } from "node:stream";
import type { Clock } from "../kernel/clock.js";
import { disposable } from "../kernel/disposable.js";

/** How long unwritten output may hold up the exit, in milliseconds: a reader that is gone must not hold it for ever. */
export const FLUSH_LIMIT = 1000;

/** The output streams of the process that can be had. */
export function outputStreams(): readonly Writable[] {
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

/** Takes errors of the streams, above all EPIPE of a reader that is gone, for no errors until it is disposed of. */
export function tolerate(streams: readonly Writable[]): Disposable {
  const ignore = (): void => {};
  for (const stream of streams) stream.on("error", ignore);
  return disposable(() => {
    for (const stream of streams) stream.off("error", ignore);
  });
}

/**
 * Waits until what was written to the streams has reached the operating system, `FLUSH_LIMIT` at most:
 * writes to a pipe are asynchronous, and `process.exit` drops what is still queued.
 */
export async function flush(streams: readonly Writable[], clock: Clock): Promise<void> {
  // Warnings print on the next tick, which comes after all promise jobs.
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
  await new Promise<void>((resolve) => {
    const timer = clock.setTimer(resolve, FLUSH_LIMIT);
    void written(streams).then(() => {
      timer.cancel();
      return resolve();
    });
  });
}

async function written(streams: readonly Writable[]): Promise<void> {
  for (const stream of streams.filter(mayHold)) {
    // The callback of an empty write comes after all that was written before, or with the error.
    await new Promise((resolve) => {
      stream.write("", resolve);
    });
  }
}

/** Whether something may be on its way: in the stream, or where a process manager's own `write` takes it. */
function mayHold(stream: Writable): boolean {
  return stream.writableLength > 0 || Object.hasOwn(stream, "write");
}

import type { Writable } from "node:stream";
import type { Clock } from "../kernel/clock.js";
import { disposable } from "../kernel/disposable.js";
import { atMost } from "./at-most.js";

/** How long the exit waits for unwritten output, in milliseconds: the reader of a pipe may have stopped reading. */
export const FLUSH_LIMIT = 1000;

/** The standard output streams that the process has. */
export function outputStreams(): readonly Writable[] {
  const streams: Writable[] = [];
  for (const name of ["stdout", "stderr"] as const) {
    try {
      streams.push(process[name]);
    } catch {
      // The getter throws for a descriptor of an unknown kind; nothing can have been written to it.
    }
  }
  return streams;
}

/** For each stream, how many callers want its errors ignored; one listener serves them all. */
const tolerated = new Map<Writable, number>();

function ignore(): void {}

/** Ignores errors of the streams, such as EPIPE when the reader has gone, until disposed of. */
export function tolerate(streams: readonly Writable[]): Disposable {
  for (const stream of streams) {
    const count = tolerated.get(stream) ?? 0;
    if (count === 0) stream.on("error", ignore);
    tolerated.set(stream, count + 1);
  }
  return disposable(() => {
    for (const stream of streams) {
      const count = tolerated.get(stream) ?? 0;
      if (count > 1) tolerated.set(stream, count - 1);
      else if (tolerated.delete(stream)) stream.off("error", ignore);
    }
  });
}

/**
 * Waits until what was written to the streams has reached the operating system, `FLUSH_LIMIT` at most:
 * writes to a pipe are asynchronous, and `process.exit` drops what is still queued.
 */
export async function flush(streams: readonly Writable[], clock: Clock): Promise<void> {
  // Warnings are printed on the next tick, after all promise jobs.
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
  await atMost(FLUSH_LIMIT, written(streams), clock);
}

/** Bun writes to a sink that bypasses the stream's buffer; only the sink knows what is left. */
function sinkOf(stream: Writable): unknown {
  const key = Object.getOwnPropertySymbols(stream).find(
    ({ description }) => description === "kWriteStreamFastPath",
  );
  return key === undefined ? undefined : Reflect.get(stream, key);
}

async function flushSink(sink: object): Promise<void> {
  const flushing: unknown = Reflect.get(sink, "flush");
  if (typeof flushing === "function") await flushing.call(sink);
}

async function written(streams: readonly Writable[]): Promise<void> {
  const sinks = streams.map(sinkOf).filter((sink) => typeof sink === "object" && sink !== null);
  // A reader that has gone is not an error.
  if (sinks.length > 0) await Promise.allSettled(sinks.map(flushSink));
  for (const stream of streams.filter(mayHold)) {
    // The callback of an empty write is called after all earlier writes, or with an error.
    await new Promise((resolve) => {
      stream.write("", resolve);
    });
  }
}

/** Whether something may be unwritten: in the stream, or in a process manager that replaced its `write`. */
function mayHold(stream: Writable): boolean {
  return stream.writableLength > 0 || Object.hasOwn(stream, "write");
}

import type { Terminal } from "../command.js";
import { shortSeconds } from "../look.js";
import { cut, harmlessJson } from "../plain-text.js";
import type { Paint } from "../style.js";
import { reportOf, type Survey } from "./survey.js";
import { viewOf } from "./view.js";

// The alternate screen, so that the terminal's previous contents are restored afterwards.
const ENTER = "\u001B[?1049h\u001B[?25l";
const LEAVE = "\u001B[?25h\u001B[?1049l";
const HOME = "\u001B[H";
const TO_END_OF_LINE = "\u001B[K";
const TO_END_OF_SCREEN = "\u001B[J";

/** How a survey is repeated and shown. */
export interface WatchOptions {
  readonly look: () => Survey | Promise<Survey>;
  /** Milliseconds. */
  readonly interval: number;
  readonly json: boolean;
  readonly paint: Paint;
}

/** Resolves after `interval` milliseconds, or at once when the signal aborts. */
function pause({ clock, signal }: Terminal, interval: number): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = clock.setTimer(end, interval);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}

function title({ interval, paint }: WatchOptions, at: number, columns?: number): string {
  const time = new Date(at).toTimeString().slice(0, 8);
  const text = `${time}, every ${shortSeconds(interval / 1000)}, Ctrl-C to quit`;
  return paint(columns === undefined ? text : cut(text, columns), "dim");
}

function screen(found: Survey, terminal: Terminal, options: WatchOptions): string {
  const { columns, rows = 24 } = terminal.stdout;
  const lines = [title(options, found.at, columns), "", ...viewOf(found, options.paint, columns, rows - 2)];
  const fitting = lines.slice(0, rows);
  return HOME + fitting.map((line) => line + TO_END_OF_LINE).join("\r\n") + TO_END_OF_SCREEN;
}

/** Shows a survey every `interval` until the signal aborts; returns the last one. */
export async function watch(terminal: Terminal, options: WatchOptions): Promise<Survey> {
  const { stdout, signal } = terminal;
  const { look, json, paint, interval } = options;
  const inPlace = stdout.isTTY && !json && terminal.env["TERM"] !== "dumb";
  let found = await look();
  const draw = (): void => stdout.write(screen(found, terminal, options));
  if (inPlace) stdout.write(ENTER);
  const leaveResize = inPlace ? stdout.onResize?.(draw) : undefined;
  try {
    for (;;) {
      if (inPlace) draw();
      else if (json) stdout.write(`${harmlessJson(reportOf(found))}\n`);
      else {
        const lines = [title(options, found.at), ...viewOf(found, paint, stdout.columns)];
        stdout.write(`${lines.join("\n")}\n\n`);
      }
      await pause(terminal, interval);
      if (signal.aborted) break;
      found = await look();
    }
  } finally {
    leaveResize?.();
    if (inPlace) stdout.write(LEAVE);
  }
  // Repeated, because the alternate screen is gone.
  if (inPlace) stdout.write(`${viewOf(found, paint, stdout.columns).join("\n")}\n`);
  return found;
}

import { formatDuration } from "../../kernel/duration.js";
import { cut, harmless } from "../plain-text.js";
import type { Colour, Paint } from "../style.js";
import type { SuperviseEvent } from "./events.js";

const LONGEST_COMMAND = 120;

/** A command on one line, shortened if it is long. */
export function showCommand(command: readonly string[]): string {
  const words = command.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : JSON.stringify(word)));
  return cut(harmless(words.join(" ")), LONGEST_COMMAND);
}

/** A line of `--json`. */
export function jsonLine(event: SuperviseEvent, wall: number): string {
  return `${JSON.stringify({ time: new Date(wall).toISOString(), ...event })}\n`;
}

/** A line of text; `paint` highlights events that need attention. */
export function textLine(event: SuperviseEvent, wall: number, paint: Paint = (text) => text): string {
  const colour = COLOURS[event.event];
  const text = harmless(sentence(event));
  const time = new Date(wall).toISOString();
  return `${time} supervise: ${colour === undefined ? text : paint(text, colour)}\n`;
}

const COLOURS: Readonly<Partial<Record<SuperviseEvent["event"], Colour>>> = {
  started: "green",
  "start-failed": "red",
  stale: "yellow",
  frozen: "yellow",
  killing: "yellow",
  leftovers: "yellow",
  "left-behind": "red",
  "gave-up": "red",
};

function sentence(event: SuperviseEvent): string {
  switch (event.event) {
    case "started":
      return `started pid ${event.pid} (${event.command})`;
    case "start-failed":
      return `cannot start ${event.command}: ${event.reason}`;
    case "stale":
      return `stale: ${silence(event)}; sending SIGTERM`;
    case "frozen":
      return `frozen: the heartbeat of pid ${event.pid} reports a blocked event loop; sending SIGTERM`;
    case "forwarded":
      return `forwarded ${event.signal} to pid ${event.pid}`;
    case "stopping":
      return `stopping on ${event.signal}${event.pid === null ? "" : `; waiting for pid ${event.pid}`}`;
    case "killing":
      return `killing pid ${event.pid} with SIGKILL: ${event.reason === "grace" ? "it did not end in time" : "second request to stop"}`;
    case "exited":
      return `exited pid ${event.pid}: ${event.signal ?? `code ${event.code}`}, after ${formatDuration(event.seconds)}`;
    case "leftovers":
      return `pid ${event.pid} left ${processes(event.count)} running; sending SIGTERM`;
    case "left-behind":
      return `pid ${event.pid}: ${processes(event.count)} cannot be killed`;
    case "restarting":
      return `restarting in ${formatDuration(event.delay)}`;
    case "gave-up":
      return `gave up: ${event.restarts} restarts within ${formatDuration(event.window)} were not enough`;
    case "ended":
      return `ended with code ${event.code}`;
  }
}

function silence({ pid, seconds, beaten, interval }: Extract<SuperviseEvent, { event: "stale" }>): string {
  if (!beaten) return `no first heartbeat of pid ${pid} in ${seconds.toFixed(1)}s`;
  const silent = `no heartbeat of pid ${pid} for ${seconds.toFixed(1)}s`;
  if (interval === undefined) return silent;
  return `${silent}, but it beats every ${formatDuration(interval)}: --max-age must be longer`;
}

function processes(count: number): string {
  return count === 1 ? "1 process" : `${count} processes`;
}

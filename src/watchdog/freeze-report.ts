import type { NotCountedInfo, TimeoutDetails, TimeoutInfo } from "./timeout-info.js";

const WHY = {
  "not-pinged": "the event loop runs, the work does not ping",
  "blocked-js": "the thread runs JavaScript that does not return",
  "blocked-native": "the thread is in a system call, a child process or native code",
} as const;

/** Text from outside the library: on one line, and without control characters. */
function plain(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, " ");
}

/** One line about a watchdog. */
export function noteOf(name: string, text: string): string {
  return `[watchdog] ${plain(name)}: ${text}\n`;
}

/** A timeout in one line. */
export function timeoutSentence({ name, secondsInactive, kind }: Omit<TimeoutInfo, "details">): string {
  return `${plain(name)} was not pinged for ${secondsInactive.toFixed(1)} s: ${WHY[kind]} (${kind})`;
}

const WHY_NOT_COUNTED = {
  starved: "it had no CPU",
  suspended: "the process was stopped or the machine asleep",
} as const;

/** Time that was not counted, in one line. */
export function notCountedSentence({ name, seconds, kind }: NotCountedInfo): string {
  return `${plain(name)} has not timed out: for ${seconds.toFixed(1)} s, which are not counted, ${WHY_NOT_COUNTED[kind]} (${kind})`;
}

function detailLines(details: TimeoutDetails): string[] {
  const lines: string[] = [];
  if (details.threadState !== undefined) {
    const asleep = details.waitingIn === undefined ? "" : `, asleep in ${details.waitingIn}`;
    const call = details.systemCall === undefined ? "" : `, system call ${details.systemCall}`;
    lines.push(`    thread state ${details.threadState}${asleep}${call}`);
  }
  for (const { pid, command } of details.children ?? [])
    lines.push(`    child process ${pid}: ${plain(command)}`);
  if (details.noStack !== undefined) lines.push(`    no stack: ${details.noStack}`);
  if (details.secondsNotCounted !== undefined) {
    const seconds = details.secondsNotCounted.toFixed(1);
    lines.push(`    ${seconds} s more, without a CPU or stopped, are not counted`);
  }
  return lines;
}

/** The text for stderr: one block for each watchdog that timed out. */
export function freezeReport(infos: readonly TimeoutInfo[]): string {
  return infos
    .map((info) =>
      [
        `[watchdog] ${timeoutSentence(info)}`,
        ...(info.stack === undefined ? [] : [info.stack]),
        ...detailLines(info.details),
        "",
      ].join("\n"),
    )
    .join("");
}

import type { HealthCheckResult, HealthReport } from "./report.js";

/** The body of an answer: JSON for programs, text for people. */
export interface HealthBody {
  readonly type: string;
  readonly text: string;
}

/** A text. */
export function plain(text: string): HealthBody {
  return { type: "text/plain; charset=utf-8", text: `${text}\n` };
}

/** A name or message could forge another check's line. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

function line({ name, ok, message, details }: HealthCheckResult, messages: boolean): string {
  const shown = details === undefined ? "" : ` ${oneLine(JSON.stringify(details))}`;
  if (ok) return `[+]${oneLine(name)} ok${shown}\n`;
  return `[-]${oneLine(name)} failed: ${messages ? oneLine(message ?? "") : "reason withheld"}${shown}\n`;
}

/** The report as Kubernetes writes its own with `?verbose`. */
export function textBody(path: string, { status, ok, checks }: HealthReport, messages: boolean): HealthBody {
  const lines = checks.map((check) => line(check, messages)).join("");
  const verdict = ok ? "passed" : "failed";
  const why = status === "ok" || status === "failing" ? "" : `: ${status}`;
  return plain(`${lines}${path} check ${verdict}${why}`);
}

/** The report as JSON; without the reasons of failures unless `messages` are wanted. */
export function jsonBody({ status, ok, checks }: HealthReport, messages: boolean): HealthBody {
  const shown = checks.map(({ message, ...check }) =>
    messages && message !== undefined ? { ...check, message } : check,
  );
  return {
    type: "application/json; charset=utf-8",
    text: `${JSON.stringify({ status, ok, checks: shown })}\n`,
  };
}

import type { HealthCheckResult, HealthReport } from "./report.js";

/** The body of an answer: JSON for programs, text for people. */
export interface HealthBody {
  readonly type: string;
  readonly text: string;
}

export function plain(text: string): HealthBody {
  return { type: "text/plain; charset=utf-8", text: `${text}\n` };
}

/** So that a name or message cannot fake the line of another check. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, " ");
}

function line({ name, ok, message, details }: HealthCheckResult, messages: boolean): string {
  const shown = details === undefined ? "" : ` ${oneLine(JSON.stringify(details))}`;
  if (ok) return `[+]${oneLine(name)} ok${shown}\n`;
  return `[-]${oneLine(name)} failed: ${messages ? oneLine(message ?? "") : "reason withheld"}${shown}\n`;
}

/** The report as text, in the form of Kubernetes' own `?verbose`. */
export function textBody(path: string, { status, ok, checks }: HealthReport, messages: boolean): HealthBody {
  const lines = checks.map((check) => line(check, messages)).join("");
  const verdict = ok ? "passed" : "failed";
  const why = status === "ok" || status === "failing" ? "" : `: ${status}`;
  return plain(`${lines}${path} check ${verdict}${why}`);
}

/** The report as JSON; without `messages` it does not say why a check failed. */
export function jsonBody({ status, ok, checks }: HealthReport, messages: boolean): HealthBody {
  const shown = checks.map(({ message, ...check }) =>
    messages && message !== undefined ? { ...check, message } : check,
  );
  return {
    type: "application/json; charset=utf-8",
    text: `${JSON.stringify({ status, ok, checks: shown })}\n`,
  };
}

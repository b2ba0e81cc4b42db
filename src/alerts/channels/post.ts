import type { Clock } from "../../kernel/clock.js";
import { retryAfterSeconds } from "../../kernel/retry-after.js";
import { AlertDeliveryError } from "../errors.js";
import { type SecretKind, told } from "./secret.js";

/** A POST of JSON. */
export interface Post {
  /** The name of the channel, for errors. */
  readonly channel: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

const MOST_BYTES = 16_384;
/** In milliseconds. */
const LONGEST_READ = 1000;

/** Where a channel posts to. */
export const webUrl: SecretKind = {
  allowed: "an http or https URL without a user name and a password",
  accepts(value) {
    if (!URL.canParse(value)) return false;
    const { protocol, username, password } = new URL(value);
    // `fetch` refuses those with a user name, in an error that shows them.
    return /^https?:$/.test(protocol) && username === "" && password === "";
  },
};

/**
 * Reads an answer so that its connection is free again: no more than 16 KiB, for no longer than a second, as the status
 * has already told what matters.
 */
async function readBriefly({ body }: Response, clock: Clock): Promise<string> {
  if (body === null) return "";
  const reader = body.getReader();
  const end = (): unknown => reader.cancel().catch(() => undefined);
  const timer = clock.setTimer(end, LONGEST_READ);
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text + decoder.decode();
      bytes += value.byteLength;
      if (bytes > MOST_BYTES) return "";
      text += decoder.decode(value, { stream: true });
    }
  } catch {
    // The connection broke, or the delivery was aborted.
    return "";
  } finally {
    timer.cancel();
    end();
  }
}

function isRetryable(status: number): boolean {
  return [408, 425, 429].includes(status) || status >= 500;
}

/**
 * Posts JSON, and follows no redirect.
 *
 * @param explain the words for an answer that is a failure, if there are any.
 * @returns what was answered.
 * @throws AlertDeliveryError without the URL, the headers and what the server says; the reason of the abort.
 */
export async function post(
  { channel, url, headers, body, signal, clock }: Post,
  explain: (answer: string) => string = () => "",
): Promise<string> {
  let response: Response;
  try {
    const json = { ...headers, "content-type": "application/json; charset=utf-8" };
    response = await fetch(url, { method: "POST", redirect: "manual", headers: json, body, signal });
  } catch (error) {
    signal.throwIfAborted();
    // Its message and its cause may contain the URL.
    throw new AlertDeliveryError(channel, `the request failed${told(error)}`, { retryable: true });
  }
  const answer = await readBriefly(response, clock);
  if (response.ok) return answer;
  const { status } = response;
  const isRedirect = status === 0 || (status >= 300 && status < 400);
  const known = isRedirect ? ", a redirect, which is not followed" : explain(answer);
  const retryable = isRetryable(status);
  const retryAfter = retryable ? retryAfterSeconds(response, clock.wallNow()) : undefined;
  throw new AlertDeliveryError(channel, `the server answered ${status}${known}`, {
    retryable,
    status,
    retryAfter,
  });
}

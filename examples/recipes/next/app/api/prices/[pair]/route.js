// A route handler: a limit for each client, and a call that is protected. One proxy stands in front.
import { isRefusal, ResilienceError } from "@kstlib/resilience";
import { limitRequest, resilientFetch } from "@kstlib/resilience/http";

const limits = [{ name: "client", rate: 60, per: "1m", burst: 20 }];
const limit = limitRequest({ limits, trustProxy: 1 });
const timeout = Number(process.env.TIMEOUT ?? 5); // seconds, for each attempt
const prices = resilientFetch({ totalTimeout: 2 * timeout, retry: true, circuitBreaker: true, timeout });

export async function GET(request, { params }) {
  const { refused, fields } = await limit(request);
  if (refused) return refused;
  const { pair } = await params;
  try {
    const answer = await prices(`${process.env.PRICES_URL}/${encodeURIComponent(pair)}`, {
      signal: request.signal,
    });
    return new Response(await answer.text(), { status: answer.status, headers: fields });
  } catch (error) {
    if (!(error instanceof ResilienceError)) throw error;
    const seconds = isRefusal(error) ? Math.ceil(Math.min(error.retryAfter ?? 1, 60)) : 1;
    return new Response("try again later", { status: 503, headers: { "Retry-After": seconds } });
  }
}

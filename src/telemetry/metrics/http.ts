import { from, type Metric, one, SECONDS } from "./definition.js";

// HTTP is an entry of its own: what its clients tell is declared here.

interface HttpClientSnapshot {
  readonly queued: number;
  readonly wait: number;
  readonly isRecovering: boolean;
}

interface HttpClientEvents {
  readonly waited: { readonly waited: number };
  readonly rejected: { readonly retryAfter: number };
}

const KIND = "http-client";

/** What clients for HTTP do because their servers ask for it, for all origins of a client together. */
export const httpMetrics: readonly Metric[] = [
  {
    type: "gauge",
    name: "http_client.queued",
    unit: "{request}",
    description: "Requests that wait because of what a server asks for, or the quota that it tells.",
    kinds: [KIND],
    read: ({ queued }: HttpClientSnapshot) => queued,
  },
  {
    type: "gauge",
    name: "http_client.delay",
    unit: "s",
    description: "The time until the next request would be let through, at the origin where it is longest.",
    kinds: [KIND],
    read: ({ wait }: HttpClientSnapshot) => wait,
    together: "max",
  },
  {
    type: "gauge",
    name: "http_client.recovering",
    unit: "{origin}",
    description: "Origins whose requests are let go slowly after a refusal that told no quota.",
    kinds: [KIND],
    read: ({ isRecovering }: HttpClientSnapshot) => (isRecovering ? 1 : 0),
  },
  {
    type: "histogram",
    name: "http_client.wait.duration",
    unit: "s",
    description: "How long requests waited that had to because of that.",
    events: from<HttpClientEvents>(KIND, { waited: one }, { waited: ({ waited }) => waited }),
    buckets: SECONDS,
  },
  {
    type: "counter",
    name: "http_client.rejected",
    unit: "{request}",
    description: "Requests that were refused at once, as a server asks to wait for longer than they have.",
    events: from<HttpClientEvents>(KIND, { rejected: one }),
  },
];

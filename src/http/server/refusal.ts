import type { Eventually } from "./request-limiter.js";

/** Why a request is refused. */
export interface RefusalFacts {
  /** 429: it is beyond its limits; 503: there is no room for it, or the limiter has failed and is `"closed"`. */
  readonly status: 429 | 503;
  /** The names of the limits that refused it; none with 503. */
  readonly policies: readonly string[];
  /** In how many seconds it may come again, as in `Retry-After`: 1 or more. Infinity: never, there is no such field. */
  readonly retryAfter: number;
}

/** What a refusal says, in place of problem details. */
export interface RefusalContent {
  /** The media type of the body, such as `"application/json"`. */
  readonly contentType: string;
  /** Sent as UTF-8. */
  readonly body: string;
}

/** Says what a refusal says; or nothing, such as one that only logs. */
export type DescribeRefusal<Request> = (
  request: Request,
  facts: RefusalFacts,
) => Eventually<RefusalContent | void>;

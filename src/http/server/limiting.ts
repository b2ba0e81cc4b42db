import { isThenable } from "../../kernel/thenable.js";
import { unlike } from "../../kernel/show.js";
import { warn } from "../../kernel/warning.js";
import { bucketOf } from "./address.js";
import { clientAddress } from "./forwarded.js";
import type { RateLimitSettings } from "./options.js";
import type { Eventually, RequestReservation } from "./request-limiter.js";
import { partitionOf } from "./partition.js";
import { quotaExceeded, REDUCED_CAPACITY } from "./problem.js";
import { askLimiter, type Outcome, OwnQuotas, type Quota, quotaOf } from "./quota.js";
import { type Field, ResponseFields } from "./response-fields.js";

/** What a request gets. */
export interface Verdict {
  /** Of the refusal; `undefined`: it may go on. */
  readonly status: 429 | 503 | undefined;
  readonly fields: readonly Field[];
  /** Problem details of a refusal. */
  readonly body: string;
  readonly reservations: readonly RequestReservation[];
}

/** What shells tell of a request. */
export interface Arrival<Source> {
  /** What the application's callbacks get. */
  readonly request: unknown;
  readonly address: string | undefined;
  /** What has its fields. */
  readonly source: Source;
}

/** The value of a field; lines of it are joined by commas. */
export type FieldReader<Source> = (source: Source, name: string) => string | undefined;

const UNLIMITED: Verdict = { status: undefined, fields: [], body: "", reservations: [] };
const UNAVAILABLE: Verdict = {
  status: 503,
  fields: [["retry-after", "1"]],
  body: REDUCED_CAPACITY,
  reservations: [],
};

/** The bucket of requests whose address is not known, such as those whose connection has ended. No address is spelt so. */
const NOWHERE = "unknown";

/** Decides about requests; each framework has a shell around it. */
export class Limiting<Source> {
  readonly settings: RateLimitSettings;
  readonly #fieldOf: FieldReader<Source>;
  readonly #own: OwnQuotas;
  readonly #other: Quota | undefined;
  readonly #fields: ResponseFields;
  #hasWarned = false;

  constructor(settings: RateLimitSettings, fieldOf: FieldReader<Source>) {
    const { limiter, headers, clock, pk } = settings;
    this.settings = settings;
    this.#fieldOf = fieldOf;
    this.#own = new OwnQuotas(settings);
    this.#other = limiter && quotaOf(limiter);
    this.#fields = new ResponseFields(this.#other === undefined ? this.#own.quotas : [this.#other], {
      form: headers,
      clock,
      partition: pk === undefined ? undefined : partitionOf(pk),
    });
  }

  /** @throws what the callbacks of the application throw, or for what they return; or rejects with it. */
  judge(arrival: Arrival<Source>): Eventually<Verdict> {
    const { skip } = this.settings;
    const skipped = skip === undefined ? false : skip(arrival.request);
    if (isThenable(skipped)) return this.#judgeLater(arrival, skipped);
    return skipped ? UNLIMITED : this.#judge(arrival);
  }

  async #judgeLater(arrival: Arrival<Source>, skipped: PromiseLike<unknown>): Promise<Verdict> {
    return (await skipped) ? UNLIMITED : this.#judge(arrival);
  }

  #judge(arrival: Arrival<Source>): Eventually<Verdict> {
    const { key } = this.settings;
    const bucket = key === undefined ? this.#bucket(arrival) : key(arrival.request);
    return isThenable(bucket) ? this.#askLater(arrival, bucket) : this.#price(arrival, bucket);
  }

  /** One after the other: a key that rejects would be left alone if meanwhile the cost threw. */
  async #askLater(arrival: Arrival<Source>, bucket: PromiseLike<unknown>): Promise<Verdict> {
    return this.#price(arrival, await bucket);
  }

  #price({ request }: Arrival<Source>, bucket: unknown): Eventually<Verdict> {
    const { cost } = this.settings;
    const tokens = cost === undefined ? 1 : cost(request);
    return isThenable(tokens) ? this.#priceLater(bucket, tokens) : this.#ask(bucket, tokens);
  }

  async #priceLater(bucket: unknown, tokens: PromiseLike<unknown>): Promise<Verdict> {
    return this.#ask(bucket, await tokens);
  }

  #bucket({ address, source }: Arrival<Source>): string {
    const { trustProxy, proxyHeader } = this.settings;
    const forwarded = trustProxy === 0 ? undefined : this.#fieldOf(source, proxyHeader);
    const client = clientAddress(address, forwarded, trustProxy, proxyHeader);
    return client === undefined ? NOWHERE : bucketOf(client);
  }

  #ask(key: unknown, cost: unknown): Eventually<Verdict> {
    if (typeof key !== "string") throw new TypeError(unlike("what key returns", "a string", key));
    if (typeof cost !== "number" || !(cost >= 0 && cost < Infinity)) {
      const isNumber = typeof cost === "number";
      throw new (isNumber ? RangeError : TypeError)(
        unlike("what cost returns", "a number of at least 0", cost),
      );
    }
    const { settle, headers, onStoreError } = this.settings;
    const isSettled = settle !== undefined;
    if (this.#other === undefined) return this.#verdict(this.#own.ask(key, cost, isSettled), key, cost);
    return askLimiter(this.#other, key, cost, isSettled, headers !== false).then(
      (outcome) => this.#verdict(outcome, key, cost),
      (error: unknown) => {
        this.#warnOnce(error);
        return onStoreError === "open" ? UNLIMITED : UNAVAILABLE;
      },
    );
  }

  #verdict(outcome: Outcome, key: string, cost: number): Verdict {
    const { refused, reservations } = outcome;
    const fields = this.#fields.of(outcome, key, cost);
    if (refused.length === 0) return { status: undefined, fields, body: "", reservations };
    return { status: 429, fields, body: quotaExceeded(refused.map(({ name }) => name)), reservations };
  }

  /** Once: a store that is away would fill the log. */
  #warnOnce(error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const then = this.settings.onStoreError === "open" ? "let through" : "refused";
    warn(
      "KSTLIB_RATE_LIMIT_STORE",
      `The limiter of requests has failed; until it works, they are ${then}`,
      error,
    );
  }
}

const commit = (reservations: readonly RequestReservation[], tokens: unknown): void => {
  for (const reservation of reservations) reservation.commit(tokens as number);
};

const unsettled = (error: unknown): void =>
  warn("KSTLIB_LISTENER_FAILED", "settle of a rate limit failed; the cost of the request counts", error);

async function settleLater(
  reservations: readonly RequestReservation[],
  used: PromiseLike<unknown>,
): Promise<void> {
  try {
    commit(reservations, await used);
  } catch (error) {
    unsettled(error);
  }
}

/** Tells what a request has really taken. What `used` throws or gives wrongly is a warning: the cost counts then. */
export function settleAll(reservations: readonly RequestReservation[], used: () => unknown): void {
  try {
    const tokens = used();
    if (isThenable(tokens)) void settleLater(reservations, tokens);
    else commit(reservations, tokens);
  } catch (error) {
    unsettled(error);
  }
}

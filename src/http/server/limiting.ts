import { isThenable } from "../../kernel/thenable.js";
import { unlike } from "../../kernel/show.js";
import { warn } from "../../kernel/warning.js";
import { bucketOf, canonicalAddress } from "./address.js";
import { type Connection, Connections } from "./connections.js";
import { clientAddress, PROXY_HEADERS } from "./forwarded.js";
import type { RateLimitSettings } from "./options.js";
import type { Eventually, RequestReservation } from "./request-limiter.js";
import { partitionOf } from "./partition.js";
import { PROBLEM_TYPE, quotaExceeded } from "./problem.js";
import { askLimiter, type Outcome, OwnQuotas, type Quota, quotaOf } from "./quota.js";
import { ResponseFields, secondsToWait } from "./response-fields.js";
import { UsualVerdicts } from "./usual-verdicts.js";
import { UNAVAILABLE, UNLIMITED, type Verdict } from "./verdict.js";

/** The value of a field; lines of it are joined by commas. */
export type FieldReader<Source> = (source: Source, name: string) => string | undefined;

/** The bucket of requests whose address is not known, such as those whose connection has ended. No address is spelt so. */
const NOWHERE = "unknown";

/** Among so many requests, proxies in front are noticed: before long, all requests come through them. */
const LOOKS = 1000;

/** The bucket of a canonical address. */
const bucketAt = (address: string | undefined): string =>
  address === undefined ? NOWHERE : bucketOf(address);

/** Decides about requests; each framework has a shell around it. */
export class Limiting<Source> {
  readonly settings: RateLimitSettings;
  readonly #fieldOf: FieldReader<Source>;
  readonly #own: OwnQuotas;
  readonly #other: Quota | undefined;
  readonly #fields: ResponseFields;
  readonly #usual: UsualVerdicts | undefined;
  /** Those whose address alone says which bucket it is, and whose requests all cost the same. */
  readonly #connections: Connections | undefined;
  #hasWarned = false;
  /** How many requests are still looked at for proxies in front. */
  #looks: number;

  constructor(settings: RateLimitSettings, fieldOf: FieldReader<Source>) {
    const { limiter, headers, clock, pk, settle, key, cost, skip, trustProxy } = settings;
    this.settings = settings;
    this.#fieldOf = fieldOf;
    this.#own = new OwnQuotas(settings);
    this.#other = limiter && quotaOf(limiter);
    this.#fields = new ResponseFields(this.#other === undefined ? this.#own.quotas : [this.#other], {
      form: headers,
      clock,
      partition: pk === undefined ? undefined : partitionOf(pk),
    });
    this.#looks = key === undefined && trustProxy === 0 ? LOOKS : 0;
    const [first, second] = this.#own.quotas;
    // A wall time and a partition are other ones for each request.
    const isUsual = settle === undefined && pk === undefined && headers !== "legacy" && second === undefined;
    const usual = isUsual && first ? new UsualVerdicts(first, this.#fields) : undefined;
    this.#usual = usual;
    const isByAddress = [key, cost, skip].every((callback) => callback === undefined) && trustProxy === 0;
    this.#connections =
      usual && isByAddress
        ? new Connections((address) => usual.placeOf(bucketAt(address && canonicalAddress(address))))
        : undefined;
  }

  /**
   * Decides about a request whose connection is known.
   *
   * @param request what the callbacks of the application get.
   * @param source what has the request's fields.
   * @throws what the callbacks throw, or for what they return; or rejects with it.
   */
  judge(request: unknown, source: Source, connection: Connection | null | undefined): Eventually<Verdict> {
    const place = connection ? this.#connections?.placeOf(connection) : undefined;
    if (place === undefined) return this.judgeFrom(request, source, connection?.remoteAddress);
    if (this.#looks > 0) this.#look(source);
    return this.#usual?.ask(place) ?? this.#askAll(place.key, 1);
  }

  /** {@link judge} by the address of the connection. */
  judgeFrom(request: unknown, source: Source, address: string | undefined): Eventually<Verdict> {
    if (this.#looks > 0) this.#look(source);
    const { skip } = this.settings;
    if (skip === undefined) return this.#judge(request, source, address);
    const skipped = skip(request);
    if (isThenable(skipped)) return this.#judgeLater(request, source, address, skipped);
    return skipped ? UNLIMITED : this.#judge(request, source, address);
  }

  async #judgeLater(
    request: unknown,
    source: Source,
    address: string | undefined,
    skipped: PromiseLike<unknown>,
  ): Promise<Verdict> {
    return (await skipped) ? UNLIMITED : this.#judge(request, source, address);
  }

  #judge(request: unknown, source: Source, address: string | undefined): Eventually<Verdict> {
    const { key } = this.settings;
    const bucket = key?.(request);
    if (isThenable(bucket)) return this.#askLater(request, source, address, bucket);
    return this.#price(request, bucket === undefined ? this.#bucket(source, address) : bucket);
  }

  /** One after the other: a key that rejects would be left alone if meanwhile the cost threw. */
  async #askLater(
    request: unknown,
    source: Source,
    address: string | undefined,
    later: PromiseLike<unknown>,
  ): Promise<Verdict> {
    const bucket = await later;
    return this.#price(request, bucket === undefined ? this.#bucket(source, address) : bucket);
  }

  #price(request: unknown, bucket: unknown): Eventually<Verdict> {
    const { cost } = this.settings;
    if (cost === undefined) return this.#ask(bucket, 1);
    const tokens = cost(request);
    return isThenable(tokens) ? this.#priceLater(bucket, tokens) : this.#ask(bucket, tokens);
  }

  async #priceLater(bucket: unknown, tokens: PromiseLike<unknown>): Promise<Verdict> {
    return this.#ask(bucket, await tokens);
  }

  #bucket(source: Source, address: string | undefined): string {
    const { trustProxy, proxyHeader } = this.settings;
    const forwarded = trustProxy === 0 ? undefined : this.#fieldOf(source, proxyHeader);
    const client = clientAddress(address, forwarded, trustProxy, proxyHeader);
    return bucketAt(client);
  }

  #ask(key: unknown, cost: unknown): Eventually<Verdict> {
    if (typeof key !== "string") throw new TypeError(unlike("what key returns", "a string", key));
    const usual = cost === 1 ? this.#usual : undefined;
    return usual?.ask(usual.placeOf(key)) ?? this.#askAll(key, cost);
  }

  #askAll(key: string, cost: unknown): Eventually<Verdict> {
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
    if (refused.length === 0) return { refusal: undefined, fields, reservations };
    const policies = refused.map(({ name }) => name);
    const refusal = {
      status: 429,
      policies,
      retryAfter: secondsToWait(outcome.retryAfter),
      fields,
      contentType: PROBLEM_TYPE,
      body: quotaExceeded(policies),
    } as const;
    return { refusal, fields, reservations };
  }

  /** Warns of proxies in front that are not trusted: all their clients share one bucket. */
  #look(source: Source): void {
    this.#looks--;
    const field = PROXY_HEADERS.find((name) => this.#fieldOf(source, name) !== undefined);
    if (field === undefined) return;
    this.#looks = 0;
    warn(
      "KSTLIB_PROXY_NOT_TRUSTED",
      `A request has the field ${field}, so there may be a proxy in front, whose clients share one limit: set trustProxy or key. If there is none, trustProxy: () => false says so`,
    );
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

import type { Clock } from "../../kernel/clock.js";
import { writePolicy, writeRateLimit } from "../fields.js";
import type { HeaderForm } from "./options.js";
import type { Outcome, Quota, Standing } from "./quota.js";

/** A field of a response. */
export type Field = readonly [name: string, value: string];

/** The largest integer of structured fields, RFC 9651. */
const MAX_INTEGER = 999_999_999_999_999;

const NONE: readonly never[] = [];

const whole = (seconds: number): number => Math.min(MAX_INTEGER, Math.max(0, Math.ceil(seconds)));

/** For how many seconds a quota is, from empty to full. */
const windowOf = ({ limiter: { burst, rate, per } }: Quota): number =>
  Math.max(1, whole((burst / rate) * per));

/** How the fields are written. */
export interface FieldsOptions {
  readonly form: HeaderForm;
  readonly clock: Pick<Clock, "wallNow">;
  /** Returns `pk` of a key. */
  readonly partition: ((key: string) => Uint8Array) | undefined;
}

/** What a response tells about the quotas, as drafts of the fields and older customs have it. */
export class ResponseFields {
  readonly #options: FieldsOptions;
  readonly #quotas: readonly Quota[];
  /** Names as structured fields have them, in quotes. */
  readonly #quoted: ReadonlyMap<Quota, string>;
  /** The policy of requests that cost 1, which is always the same. */
  readonly #policy: string;

  /** Whether there is a number to tell: a limiter may have no limit. */
  readonly #isCountable: boolean;

  constructor(quotas: readonly Quota[], options: FieldsOptions) {
    this.#options = options;
    this.#quotas = quotas;
    this.#isCountable = quotas.every(({ limiter }) => Number.isFinite(limiter.burst));
    const quoted = ({ name }: Quota): string => writeRateLimit([{ name, remaining: 0 }]).replace(/;r=0$/, "");
    this.#quoted = new Map(quotas.map((quota) => [quota, quoted(quota)]));
    if (!this.#isCountable) this.#policy = "";
    else this.#policy = options.form === "draft-11" ? this.#policyFor(1, undefined) : this.#olderPolicy();
  }

  /** The fields of a response to a request that cost so much. */
  of(outcome: Outcome, key: string, cost: number): readonly Field[] {
    const { standings, retryAfter } = outcome;
    const isRefused = outcome.refused.length > 0;
    const fields = this.#isCountable ? this.#fields(standings, key, cost) : NONE;
    // Rounded as `t` is, which it must not come before. Without an end there is no time to tell.
    if (!isRefused || retryAfter === Infinity) return fields;
    return [["Retry-After", String(Math.max(1, whole(retryAfter)))], ...fields];
  }

  #fields(standings: readonly Standing[], key: string, cost: number): readonly Field[] {
    const [first] = standings;
    if (first === undefined || this.#options.form === false) return NONE;
    if (this.#options.form === "draft-11") {
      const pk = this.#options.partition?.(key);
      const rateLimit =
        standings.length === 1
          ? this.#item(first, pk)
          : standings.map((standing) => this.#item(standing, pk)).join(", ");
      const isUsual = cost <= 1 && pk === undefined;
      const policy = isUsual ? this.#policy : this.#policyFor(cost, pk);
      return [
        ["RateLimit", rateLimit],
        ["RateLimit-Policy", policy],
      ];
    }
    // The older forms know one limit: the one that is closest.
    const closest = standings.reduce((one, other) => (other.remaining < one.remaining ? other : one), first);
    return this.#older(closest);
  }

  #item({ quota, remaining, seconds }: Standing, pk: Uint8Array | undefined): string {
    const r = Math.min(MAX_INTEGER, remaining);
    const known = `${this.#quoted.get(quota)};r=${r}`;
    const timed = seconds === Infinity ? known : `${known};t=${Math.max(r === 0 ? 1 : 0, whole(seconds))}`;
    return pk === undefined ? timed : `${timed};pk=:${Buffer.from(pk).toString("base64")}:`;
  }

  /** The quotas in requests of this cost. */
  #policyFor(cost: number, partition: Uint8Array | undefined): string {
    return writePolicy(
      this.#quotas.map((quota) => {
        const most = quota.limiter.burst / Math.max(1, cost);
        const window = quota.limiter.rate > 0 ? { window: windowOf(quota) } : {};
        return { name: quota.name, quota: most, ...window, ...(partition && { partition }) };
      }),
    );
  }

  #olderPolicy(): string {
    return this.#quotas
      .map((quota) => {
        const most = Math.floor(quota.limiter.burst);
        return quota.limiter.rate > 0 ? `${most};w=${windowOf(quota)}` : String(most);
      })
      .join(", ");
  }

  #older({ most, remaining, seconds }: Standing): readonly Field[] {
    const { form, clock } = this.#options;
    const reset = whole(seconds);
    if (form === "draft-7") {
      return [
        ["RateLimit", `limit=${most}, remaining=${remaining}, reset=${reset}`],
        ["RateLimit-Policy", this.#policy],
      ];
    }
    const isLegacy = form === "legacy";
    const prefix = isLegacy ? "X-RateLimit-" : "RateLimit-";
    const fields: Field[] = [
      [`${prefix}Limit`, String(most)],
      [`${prefix}Remaining`, String(remaining)],
      // By custom the old one is a time: seconds since 1970.
      [`${prefix}Reset`, String(isLegacy ? whole(clock.wallNow() / 1000 + reset) : reset)],
    ];
    return isLegacy ? fields : [...fields, ["RateLimit-Policy", this.#policy]];
  }
}

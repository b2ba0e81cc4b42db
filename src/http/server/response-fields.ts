import type { Clock } from "../../kernel/clock.js";
import { writePolicy } from "../fields.js";
import type { HeaderForm } from "./options.js";
import type { Outcome, Quota, Standing } from "./quota.js";
import { whole } from "./item-writer.js";

/** A field of a response. Names are in lower case: servers need not make it of them for each response. */
export type Field = [name: string, value: string];

const NONE: readonly never[] = [];

/** For how many seconds a quota is, from empty to full. */
const windowOf = ({ limits: { burst, rate, per } }: Quota): number =>
  Math.max(1, whole((burst / rate) * per));

/** How long a client that is refused has to wait, in whole seconds: as `t` is rounded, before which it must not come. */
export const secondsToWait = (seconds: number): number =>
  seconds === Infinity ? Infinity : Math.max(1, whole(seconds));

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
  /** Whether no limits can change. */
  readonly #isFixed: boolean;
  /** The limits that {@link #policy} tells. */
  #told: readonly number[] = [];
  /** The policy of requests that cost 1, as a field; none where a limiter has no limit. */
  #policy: Field | undefined;

  constructor(quotas: readonly Quota[], options: FieldsOptions) {
    this.#options = options;
    this.#quotas = quotas;
    this.#isFixed = quotas.every(({ limits, limiter }) => limits !== limiter);
  }

  /** The fields of a response to a request that cost so much. */
  of(outcome: Outcome, key: string, cost: number): readonly Field[] {
    const { standings, retryAfter } = outcome;
    const [first] = standings;
    const isTold = first !== undefined && this.#options.form !== false;
    const fields = isTold ? this.#fields(first, standings, key, cost) : NONE;
    // Without an end there is no time to tell.
    if (outcome.refused.length === 0 || retryAfter === Infinity) return fields;
    return [["retry-after", String(secondsToWait(retryAfter))], ...fields];
  }

  #fields(first: Standing, standings: readonly Standing[], key: string, cost: number): readonly Field[] {
    const policy = this.#usualPolicy();
    if (policy === undefined) return NONE;
    if (this.#options.form === "draft-11") {
      const pk = this.#options.partition?.(key);
      const rateLimit =
        standings.length === 1
          ? this.#item(first, pk)
          : standings.map((standing) => this.#item(standing, pk)).join(", ");
      const isUsual = cost <= 1 && pk === undefined;
      return [["ratelimit", rateLimit], isUsual ? policy : ["ratelimit-policy", this.#policyFor(cost, pk)]];
    }
    // The older forms know one limit: the one that is closest.
    const closest = standings.reduce((one, other) => (other.remaining < one.remaining ? other : one), first);
    return this.#older(closest, policy);
  }

  #item({ quota, remaining, seconds }: Standing, pk: Uint8Array | undefined): string {
    const item = quota.item.write(remaining, seconds);
    return pk === undefined ? item : `${item};pk=:${Buffer.from(pk).toString("base64")}:`;
  }

  /** Written again only when limits have changed. */
  #usualPolicy(): Field | undefined {
    const isSame = this.#told.length > 0 && (this.#isFixed || this.#isAsTold());
    if (isSame) return this.#policy;
    this.#told = this.#quotas.flatMap(({ limits: { rate, per, burst } }) => [rate, per, burst]);
    const isCountable = this.#quotas.every(({ limits }) => Number.isFinite(limits.burst));
    const isNew = this.#options.form === "draft-11";
    this.#policy = isCountable
      ? ["ratelimit-policy", isNew ? this.#policyFor(1, undefined) : this.#olderPolicy()]
      : undefined;
    return this.#policy;
  }

  /** The quotas in requests of this cost. */
  #policyFor(cost: number, partition: Uint8Array | undefined): string {
    return writePolicy(
      this.#quotas.map((quota) => {
        const most = quota.limits.burst / Math.max(1, cost);
        const window = quota.limits.rate > 0 ? { window: windowOf(quota) } : {};
        return { name: quota.name, quota: most, ...window, ...(partition && { partition }) };
      }),
    );
  }

  #isAsTold(): boolean {
    const told = this.#told;
    return this.#quotas.every(
      ({ limits: { rate, per, burst } }, at) =>
        told[at * 3] === rate && told[at * 3 + 1] === per && told[at * 3 + 2] === burst,
    );
  }

  #olderPolicy(): string {
    return this.#quotas
      .map((quota) => {
        const most = Math.floor(quota.limits.burst);
        return quota.limits.rate > 0 ? `${most};w=${windowOf(quota)}` : String(most);
      })
      .join(", ");
  }

  #older({ most, remaining, seconds }: Standing, policy: Field): readonly Field[] {
    const { form, clock } = this.#options;
    const reset = whole(seconds);
    if (form === "draft-7") {
      return [["ratelimit", `limit=${most}, remaining=${remaining}, reset=${reset}`], policy];
    }
    const isLegacy = form === "legacy";
    const prefix = isLegacy ? "x-ratelimit-" : "ratelimit-";
    const fields: Field[] = [
      [`${prefix}limit`, String(most)],
      [`${prefix}remaining`, String(remaining)],
      // By custom the old one is a time: seconds since 1970.
      [`${prefix}reset`, String(isLegacy ? whole(clock.wallNow() / 1000 + reset) : reset)],
    ];
    return isLegacy ? fields : [...fields, policy];
  }
}

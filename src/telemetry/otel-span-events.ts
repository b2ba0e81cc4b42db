import { type OptionRules, resolveOptions, type SettingsFor } from "../kernel/options.js";
import { PREFIX } from "./metrics/definition.js";
import { labelOf } from "./names.js";
import { type OtelTrace, registeredTrace } from "./otel-api.js";
import { withMethod } from "./otel-options.js";
import { Containment, type Hearing, hearAll, type Message } from "./subscribe.js";

/** Options of {@link otelSpanEvents}. */
export interface OtelSpanEventsOptions {
  /** What knows the active span. Default: as `trace` of `@opentelemetry/api` does. */
  readonly trace?: OtelTrace | undefined;
}

type Settings = SettingsFor<OtelSpanEventsOptions, { trace: OtelTrace | undefined }>;

export const otelSpanEventsRules: OptionRules<Settings> = {
  trace: withMethod<OtelTrace>("getActiveSpan", "trace of @opentelemetry/api"),
};

type Facts = Readonly<Record<string, number>>;

/** One kind of span event, by what a message says; `undefined`: none. */
interface SpanEvent {
  readonly name: string;
  readonly kinds: readonly string[];
  readonly event: string;
  readonly facts: (message: never) => Facts | undefined;
}

const SPAN_EVENTS: readonly SpanEvent[] = [
  {
    name: "retry",
    kinds: ["retry"],
    event: "retry",
    facts: ({ attempt, delay }: { readonly attempt: number; readonly delay: number }) => ({ attempt, delay }),
  },
  {
    name: "circuit_open",
    kinds: ["circuit-breaker"],
    event: "stateChange",
    facts: ({ to }: { readonly to: string }) => (to === "open" ? {} : undefined),
  },
  {
    name: "refused",
    kinds: ["circuit-breaker", "bulkhead", "adaptive-limiter"],
    event: "rejected",
    facts: ({ error }: { readonly error: { readonly retryAfter?: number } }) => ({
      retry_after: error.retryAfter ?? Infinity,
    }),
  },
  {
    name: "refused",
    kinds: [
      "rate-limiter",
      "shared-rate-limiter",
      "keyed-rate-limiter",
      "shared-keyed-rate-limiter",
      "http-client",
    ],
    event: "rejected",
    facts: ({ retryAfter }: { readonly retryAfter: number }) => ({ retry_after: retryAfter }),
  },
  {
    name: "hedge",
    kinds: ["hedge"],
    event: "hedge",
    facts: ({ attempt }: { readonly attempt: number }) => ({ attempt }),
  },
];

function attributesOf(kind: string, { name }: Message, facts: Facts): Record<string, string | number> {
  const attributes: Record<string, string | number> = {
    [`${PREFIX}name`]: labelOf(name),
    [`${PREFIX}kind`]: kind,
  };
  for (const [key, value] of Object.entries(facts)) {
    // An attribute has no infinity.
    if (Number.isFinite(value)) attributes[`${PREFIX}${key}`] = value;
  }
  return attributes;
}

function hearings(trace: OtelTrace): readonly Hearing[] {
  return SPAN_EVENTS.flatMap(({ name, kinds, event, facts }) =>
    kinds.map((kind): Hearing => {
      const read = facts as (message: Message) => Facts | undefined;
      const hear = (message: Message): void => {
        const span = trace.getActiveSpan();
        if (!span?.isRecording()) return;
        const said = read(message);
        if (said !== undefined) span.addEvent(`${PREFIX}${name}`, attributesOf(kind, message, said));
      };
      return { kind, event, hear };
    }),
  );
}

/**
 * Adds an event to the active span of OpenTelemetry when a policy decides something for the call that the span is about:
 * `kstlib.resilience.retry`, `circuit_open`, `refused` and `hedge`. Without an active span it does nothing.
 *
 * @returns a `Disposable` that ends it.
 * @throws TypeError for an unknown option, or a `trace` without `getActiveSpan`.
 * @example
 * ```ts
 * import { otelSpanEvents } from "@kstlib/resilience/telemetry";
 *
 * using _events = otelSpanEvents();
 * ```
 */
export function otelSpanEvents(options?: OtelSpanEventsOptions): Disposable {
  const { trace = registeredTrace } = resolveOptions("otelSpanEvents", otelSpanEventsRules, options);
  return hearAll(hearings(trace), new Containment("otelSpanEvents"));
}

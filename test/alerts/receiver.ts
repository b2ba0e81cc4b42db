import { onTestFinished } from "vitest";
import { AlertManager, type AlertManagerOptions, type Delivery } from "../../src/alerts/index.js";
import { ManualClock } from "../../src/testing/index.js";

/** A channel that keeps what it gets, and does as it is told. */
export class Receiver {
  readonly name: string;
  readonly got: Delivery[] = [];
  /** What happens to the next deliveries; afterwards they succeed. */
  readonly outcomes: (() => Promise<string | undefined>)[] = [];

  constructor(name = "ops") {
    this.name = name;
  }

  get titles(): readonly string[] {
    return this.got.map(({ title }) => title);
  }

  /** The alerts that its messages stand for. */
  get told(): number {
    return this.got.reduce((sum, { count }) => sum + count, 0);
  }

  async deliver(alert: Delivery): Promise<string | undefined> {
    const outcome = this.outcomes.shift();
    if (outcome !== undefined) return outcome();
    this.got.push(alert);
    return `id-${this.got.length}`;
  }
}

/** A delivery that fails with an error that has these properties. */
export function refused(more: object): () => Promise<never> {
  return () => Promise.reject(Object.assign(new Error("refused"), more));
}

/** A delivery that never settles. */
export const never = (): Promise<never> => new Promise(() => {});

/** The messages of the warnings with a code, until the test ends; those of earlier tests come late. */
export function heardWarnings(code: string): readonly string[] {
  const messages: string[] = [];
  const listen = (warning: Error & { readonly code?: string }): void => {
    if (warning.code === code) messages.push(warning.message);
  };
  process.on("warning", listen);
  onTestFinished(() => void process.off("warning", listen));
  return messages;
}

/** A manager on a clock of its own, without dedupe. */
export function made(options: AlertManagerOptions = {}, ...receivers: Receiver[]) {
  const clock = new ManualClock();
  const [ops = new Receiver(), ...others] = receivers;
  const alerts = new AlertManager({ clock, channels: [ops, ...others], dedupe: 0, ...options });
  return { clock, alerts, ops };
}

export const ONE_A_MINUTE = { rate: 1, per: "60s", burst: 1 } as const;

import { disposable } from "../kernel/disposable.js";
import { type OptionRules, resolveOptions } from "../kernel/options.js";
import { text } from "../kernel/rules.js";
import { show } from "../kernel/show.js";
import { ShutdownError } from "./errors.js";
import { type Hook, inOrder } from "./plan.js";
import type { ShutdownCallbackOptions, ShutdownCallbackSettings } from "./registration-options.js";

/** The registered callbacks. They cannot be changed once the shutdown has begun. */
export class Registrations {
  #hooks: readonly Hook[] = [];
  #closed = false;

  /** In the order in which they run. */
  get hooks(): readonly Hook[] {
    return this.#hooks;
  }

  /**
   * Adds a registration; disposing of the result removes it.
   *
   * @param prepare makes the rest of the registration; called after all checks.
   */
  add<Settings extends ShutdownCallbackSettings>(
    name: string,
    rules: OptionRules<Settings>,
    options: ShutdownCallbackOptions | undefined,
    prepare: (settings: Settings) => Omit<Hook, "name" | keyof ShutdownCallbackSettings>,
  ): Disposable {
    text(undefined).parse(name, "name");
    const settings = resolveOptions("register", rules, options);
    if (this.#closed) {
      throw new ShutdownError(
        "ERR_SHUTDOWN_IN_PROGRESS",
        `${show(name)} cannot be registered: the shutdown has begun. Register at start-up.`,
      );
    }
    if (this.#hooks.some((hook) => hook.name === name)) {
      throw new ShutdownError(
        "ERR_SHUTDOWN_DUPLICATE",
        `${show(name)} is already registered; use another name, or unregister it first.`,
      );
    }
    const { priority, timeout } = settings;
    // Last, because it adds listeners to a server.
    const hook: Hook = { name, priority, timeout, ...prepare(settings) };
    this.#hooks = inOrder([...this.#hooks, hook]);
    return disposable(() => this.remove((other) => other === hook));
  }

  /** Removes a registration. Returns whether it was there; `false` once the shutdown has begun. */
  remove(isMeant: (hook: Hook) => boolean): boolean {
    const hook = this.#closed ? undefined : this.#hooks.find(isMeant);
    if (hook === undefined) return false;
    this.#hooks = this.#hooks.filter((other) => other !== hook);
    hook.release?.();
    return true;
  }

  /** Refuses changes from now on. */
  close(): void {
    this.#closed = true;
  }

  /** Removes the listeners that registrations have added. */
  release(): void {
    for (const hook of this.#hooks) hook.release?.();
  }
}

import { disposable } from "../kernel/disposable.js";
import { resolveOptions } from "../kernel/options.js";
import { text } from "../kernel/rules.js";
import { show } from "../kernel/show.js";
import { ShutdownError } from "./errors.js";
import { callbackRules, type ShutdownCallbackOptions } from "./options.js";
import { type Hook, inOrder } from "./plan.js";

/** What is registered under which name, until the shutdown begins: from then on the plan stands. */
export class Registrations {
  #hooks: readonly Hook[] = [];
  #closed = false;

  /** In the order of their turns. */
  get hooks(): readonly Hook[] {
    return this.#hooks;
  }

  /**
   * Adds a callback; disposing of the result takes it away again.
   *
   * @param prepare makes the callback, once nothing else can be refused.
   */
  add(
    name: string,
    options: ShutdownCallbackOptions | undefined,
    prepare: () => Pick<Hook, "callback" | "release">,
  ): Disposable {
    text(undefined).parse(name, "name");
    const settings = resolveOptions("register", callbackRules, options);
    if (this.#closed) {
      throw new ShutdownError(
        "ERR_SHUTDOWN_IN_PROGRESS",
        `${show(name)} cannot be registered: the shutdown has begun. Register at start-up.`,
      );
    }
    if (this.#hooks.some((hook) => hook.name === name)) {
      throw new ShutdownError(
        "ERR_SHUTDOWN_DUPLICATE",
        `${show(name)} is registered already; use another name, or unregister it first.`,
      );
    }
    // Last, because a server is listened to from here on.
    const hook: Hook = { name, ...settings, ...prepare() };
    this.#hooks = inOrder([...this.#hooks, hook]);
    return disposable(() => this.remove((other) => other === hook));
  }

  /** Takes a callback away. Returns whether it was there; `false` once the shutdown has begun. */
  remove(isMeant: (hook: Hook) => boolean): boolean {
    const hook = this.#closed ? undefined : this.#hooks.find(isMeant);
    if (hook === undefined) return false;
    this.#hooks = this.#hooks.filter((other) => other !== hook);
    hook.release?.();
    return true;
  }

  /** Refuses every change from now on. */
  close(): void {
    this.#closed = true;
  }

  /** Undoes what the registrations have done beside keeping the callbacks. */
  release(): void {
    for (const hook of this.#hooks) hook.release?.();
  }
}

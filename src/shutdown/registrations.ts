import { disposable } from "../kernel/disposable.js";
import { resolveOptions } from "../kernel/options.js";
import { checkFunction } from "../kernel/policy.js";
import { show } from "../kernel/show.js";
import { ShutdownError } from "./errors.js";
import { callbackRules, type ShutdownCallbackOptions } from "./options.js";
import { type Hook, inOrder } from "./plan.js";
import type { ShutdownCallback } from "./report.js";
import { checkServer, type ClosableServer, ServerDrain } from "./server-drain.js";

/** The callbacks and servers of one shutdown, by name. */
export class Registrations {
  readonly #hooks = new Map<string, Hook & { readonly release: () => void }>();
  #closed = false;

  addCallback(name: string, callback: ShutdownCallback, options?: ShutdownCallbackOptions): Disposable {
    return this.#add(name, options, () => {
      checkFunction(callback, "register");
      return { callback, release() {} };
    });
  }

  addServer(name: string, server: ClosableServer, options?: ShutdownCallbackOptions): Disposable {
    return this.#add(name, options, () => {
      checkServer(server);
      const following = new ServerDrain(server);
      return { callback: following.drain, release: () => following.release() };
    });
  }

  /** Returns whether there was one to take away. */
  remove(name: string): boolean {
    const hook = this.#closed ? undefined : this.#hooks.get(name);
    if (hook === undefined) return false;
    hook.release();
    return this.#hooks.delete(name);
  }

  /** The plan as it stands. */
  inOrder(): readonly Hook[] {
    return inOrder(this.#hooks.values());
  }

  /** Makes the plan final. */
  close(): void {
    this.#closed = true;
  }

  /** Lets go of the servers. */
  release(): void {
    for (const hook of this.#hooks.values()) hook.release();
  }

  #add(
    name: string,
    options: ShutdownCallbackOptions | undefined,
    prepare: () => { readonly callback: ShutdownCallback; readonly release: () => void },
  ): Disposable {
    if (typeof name !== "string" || name === "") {
      const Kind = typeof name === "string" ? RangeError : TypeError;
      throw new Kind(`name must be a string that is not empty; got ${show(name)}.`);
    }
    const { priority, timeout } = resolveOptions("register", callbackRules, options);
    if (this.#closed) {
      throw new ShutdownError(
        "ERR_SHUTDOWN_IN_PROGRESS",
        `${show(name)} cannot be registered: the shutdown has begun. Register at start-up.`,
      );
    }
    if (this.#hooks.has(name)) {
      throw new ShutdownError(
        "ERR_SHUTDOWN_DUPLICATE",
        `${show(name)} is registered already; use another name, or unregister it first.`,
      );
    }
    // Last, because a server is listened to from here on.
    const hook = { name, priority, timeout, ...prepare() };
    this.#hooks.set(name, hook);
    return disposable(() => {
      // The name may have gone to another since.
      if (this.#hooks.get(name) === hook) this.remove(name);
    });
  }
}

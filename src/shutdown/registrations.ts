import type { Clock } from "../kernel/clock.js";
import { disposable } from "../kernel/disposable.js";
import { type OptionRules, resolveOptions } from "../kernel/options.js";
import { checkFunction } from "../kernel/policy.js";
import { text } from "../kernel/rules.js";
import { show } from "../kernel/show.js";
import { ShutdownError } from "./errors.js";
import { type ClusterPrimary, trackCluster } from "./members/cluster-workers.js";
import { trackWorker, type WorkerThread } from "./members/worker-thread.js";
import { type Hook, inOrder } from "./plan.js";
import {
  callbackRules,
  serverRules,
  type ShutdownCallbackOptions,
  type ShutdownCallbackSettings,
  type ShutdownServerOptions,
} from "./registration-options.js";
import type { ShutdownCallback } from "./report.js";
import { trackServer } from "./servers/drain.js";
import type { ClosableServer } from "./servers/frameworks.js";

/** What is registered, by name. Once the shutdown has begun nothing changes any more. */
export class Registrations {
  #hooks: readonly Hook[] = [];
  readonly #clock: Clock;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** In the order of their turns. */
  get hooks(): readonly Hook[] {
    return this.#hooks;
  }

  /** Adds a function of the application. */
  addCallback(name: string, callback: ShutdownCallback, options?: ShutdownCallbackOptions): Disposable {
    return this.#add(name, callbackRules, options, () => {
      checkFunction(callback, "register");
      return { kind: "callback", callback };
    });
  }

  /** Adds a server. */
  addServer(name: string, server: ClosableServer, options?: ShutdownServerOptions): Disposable {
    return this.#add(name, serverRules, options, ({ idleGrace }) => ({
      kind: "server",
      ...trackServer(server, this.#clock, idleGrace),
    }));
  }

  /** Adds a worker thread. */
  addWorker(name: string, worker: WorkerThread, options?: ShutdownCallbackOptions): Disposable {
    return this.#add(name, callbackRules, options, () => ({
      kind: "worker",
      ...trackWorker(name, worker, this.#clock, () => this.#closed),
    }));
  }

  /** Adds the workers of a cluster. */
  addCluster(name: string, cluster: ClusterPrimary, options?: ShutdownCallbackOptions): Disposable {
    return this.#add(name, callbackRules, options, () => ({
      kind: "cluster",
      ...trackCluster(cluster, this.#clock, () => this.#closed),
    }));
  }

  /** Takes a callback away. Returns whether it was there; `false` once the shutdown has begun. */
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

  /** Undoes what the registrations have done, such as adding listeners. */
  release(): void {
    for (const hook of this.#hooks) hook.release?.();
  }

  /**
   * Adds a registration; disposing of the result takes it away again.
   *
   * @param prepare makes the rest of it, called when nothing else can be refused.
   */
  #add<Settings extends ShutdownCallbackSettings>(
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
        `${show(name)} is registered already; use another name, or unregister it first.`,
      );
    }
    const { priority, timeout } = settings;
    // Last, because it adds listeners to a server.
    const hook: Hook = { name, priority, timeout, ...prepare(settings) };
    this.#hooks = inOrder([...this.#hooks, hook]);
    return disposable(() => this.remove((other) => other === hook));
  }
}

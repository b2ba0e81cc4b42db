import { isDeepStrictEqual } from "node:util";
import { checkConfiguration } from "../configure.js";
import type { ResilienceConfig } from "../descriptors.js";
import type { Timer } from "../kernel/clock.js";
import type { Component } from "../kernel/component.js";
import { ConfigError, type ConfigIssue } from "../kernel/config-error.js";
import { type Configuration, pushSource } from "../kernel/configured.js";
import { Events, type Listener } from "../kernel/events.js";
import { messageOf } from "../kernel/message-of.js";
import { Printed } from "../kernel/printed.js";
import { warn } from "../kernel/warning.js";
import { isFile } from "./discover.js";
import { LiveConfiguration } from "./live-configuration.js";
import { readConfig, resolveLoad } from "./load.js";
import type { Slip } from "./slips.js";
import { isSame, readTexts, type Texts } from "./texts.js";
import {
  type ConfigWatcherEvents,
  type ConfigWatcherSnapshot,
  type WatchConfigOptions,
  watchRules,
  type WatchSettings,
} from "./watch-options.js";
import type { YamlFile } from "./yaml-file.js";

const EMPTIED = "the file is empty now; if that is meant, write resilience: {} into it";

/** Why a file is not read, if it is not. */
function silenceOf(source: YamlFile, slips: readonly Slip[]): ConfigIssue | undefined {
  if (source.value === null) return source.issue([], "value", EMPTIED);
  return slips.find(({ file, isTotal }) => isTotal && file === source.file)?.issue;
}

/** Follows a configuration file until it is disposed of; made by {@link watchConfig}. */
export class ConfigWatcher extends Printed implements Component, Disposable {
  readonly name = "config";
  readonly #settings: WatchSettings;
  readonly #events: Events<ConfigWatcherEvents> = new Events("the configuration", ["change", "error"], {
    kind: "config",
    name: this.name,
  });
  readonly #live: LiveConfiguration;
  #pushed: Disposable | undefined;
  /** The paths checked when the files were last read. */
  #files: ReadonlySet<string> = new Set();
  #file: string | undefined;
  /** The files that had content then. */
  #said: ReadonlySet<string> = new Set();
  #config: ResilienceConfig = Object.freeze({});
  /** The warnings already reported for these files. */
  #warned = "";
  #error: ConfigError | undefined;
  #changes = 0;
  /** The texts found by the last check, and by the check before the last reading. */
  #found: Texts = new Map();
  #read: Texts = new Map();
  #timer: Timer | undefined;
  #isWatching = true;

  /** @internal */
  constructor(options: WatchConfigOptions | undefined) {
    super();
    this.#settings = resolveLoad("watchConfig", watchRules, options);
    const { registry } = this.#settings;
    this.#config = this.#readFiles();
    const checked = checkConfiguration(this.#config);
    this.#live = new LiveConfiguration(registry?.source.configuration ?? checked);
    if (registry === undefined) this.#pushed = pushSource(this.#live);
    else registry.follow(this.#live);
    this.#live.replace(checked);
    this.#arm();
  }

  /** The configuration in use; frozen. */
  get config(): ResilienceConfig {
    return this.#config;
  }

  /** The file that was read last; `undefined` when there is none. */
  get file(): string | undefined {
    return this.#file;
  }

  /** Whether it has not been disposed of. */
  get isWatching(): boolean {
    return this.#isWatching;
  }

  /** Why the files as they are now cannot be used; `undefined` when they are in use. */
  get error(): ConfigError | undefined {
    return this.#error;
  }

  /** The current state: frozen, JSON-serialisable. */
  snapshot(): ConfigWatcherSnapshot {
    return Object.freeze({
      kind: "config",
      name: this.name,
      isWatching: this.#isWatching,
      file: this.#file ?? null,
      changes: this.#changes,
      error: this.#error?.message ?? null,
    });
  }

  /** Listens to an event; disposing of the result stops it. */
  on<Name extends keyof ConfigWatcherEvents>(
    name: Name,
    listener: Listener<ConfigWatcherEvents[Name]>,
  ): Disposable {
    return this.#events.on(name, listener);
  }

  /**
   * Reads the files now and applies them, without waiting for the next check: for a SIGHUP, say. Blocks the
   * thread while it reads. Mistakes in them are reported by an `error` event. Does nothing after the watcher was disposed of.
   */
  reload(): void {
    if (!this.#isWatching) return;
    let config: ResilienceConfig;
    let checked: Configuration;
    try {
      config = this.#readFiles();
      checked = checkConfiguration(config);
    } catch (error) {
      this.#refuse(error);
      return;
    }
    if (this.#error === undefined && isDeepStrictEqual(config, this.#config)) return;
    this.#error = undefined;
    this.#config = config;
    this.#changes++;
    const components = this.#live.replace(checked);
    this.#events.emit("change", Object.freeze({ config, components: Object.freeze(components) }));
  }

  /**
   * Stops watching. Components keep the options that they have; where it was the process-wide configuration, the one
   * before it is restored.
   */
  [Symbol.dispose](): void {
    this.#isWatching = false;
    this.#timer?.cancel();
    this.#live.end();
    this.#pushed?.[Symbol.dispose]();
  }

  #readFiles(): ResilienceConfig {
    const looked = new Set<string>();
    try {
      // Once found, the file stays the same: when it disappears, no other one takes its place.
      const path = this.#file ?? this.#settings.path;
      const { file, sources, slips, config } = readConfig({ ...this.#settings, path }, looked);
      const silences = new Map(sources.map((source) => [source.file, silenceOf(source, slips)]));
      // An emptied file (a full disk, say) or a misspelt first key does not mean the defaults.
      for (const [one, issue] of silences) {
        if (issue !== undefined && this.#said.has(one)) throw new ConfigError([issue]);
      }
      this.#said = new Set([...silences.keys()].filter((one) => silences.get(one) === undefined));
      this.#file = file;
      this.#warn(slips);
      return config;
    } catch (error) {
      const [named] = looked;
      const isAwaited = this.#settings.optional && this.#file === undefined;
      if (isAwaited && named !== undefined && !isFile(named)) return this.#config;
      throw error;
    } finally {
      this.#files = looked;
    }
  }

  #warn(slips: readonly Slip[]): void {
    const told = slips.map(({ message }) => message).join("\n");
    if (told === this.#warned) return;
    this.#warned = told;
    for (const { code, message } of slips) warn(code, message);
  }

  #refuse(reason: unknown): void {
    const [file = "kstlib.conf.yml"] = this.#files;
    const error =
      reason instanceof ConfigError
        ? reason
        : // A file that disappeared while it was read, say.
          new ConfigError(
            [{ file, line: undefined, column: undefined, keyPath: "", message: messageOf(reason) }],
            { cause: reason },
          );
    // The same mistake is reported once.
    if (error.message === this.#error?.message) return;
    this.#error = error;
    if (!this.#events.has("error"))
      warn("KSTLIB_CONFIG_REFUSED", "the changed configuration is not used", error);
    this.#events.emit("error", error);
  }

  #arm(): void {
    const { clock, interval } = this.#settings;
    this.#timer = clock.setTimer(
      () => {
        const look = this.#look();
        clock.track?.(look);
      },
      interval,
      { ref: false },
    );
  }

  async #look(): Promise<void> {
    const found = await readTexts(this.#files);
    if (!this.#isWatching) return;
    // Twice the same text: the file is not being written.
    const isSettled = isSame(found, this.#found);
    this.#found = found;
    if (isSettled && !isSame(found, this.#read)) {
      // Before the files are read, so that the next check finds any later change.
      this.#read = found;
      this.reload();
    }
    if (this.#isWatching) this.#arm();
  }
}

import { expectTypeOf, test } from "vitest";
import {
  type ComponentChange,
  type ConfigError,
  type ConfigWatcher,
  type ResilienceConfig,
  watchConfig,
  type WatchConfigOptions,
} from "../../src/config/index.js";
import type { Component } from "../../src/kernel/component.js";
import type { RateLimiter } from "../../src/rate-limiter/rate-limiter.js";
import { Registry } from "../../src/registry.js";

test("a watcher is a component with typed events, and can be disposed of", () => {
  const watch = (): ConfigWatcher =>
    watchConfig({ path: "kstlib.conf.yml", interval: "5s", optional: true, registry: new Registry() });
  expectTypeOf<ReturnType<typeof watch>>().toExtend<Component & Disposable>();
  const listen = (watcher: ConfigWatcher): void => {
    watcher.on("change", ({ config, components }) => {
      expectTypeOf(config).toEqualTypeOf<ResilienceConfig>();
      expectTypeOf(components).toEqualTypeOf<readonly ComponentChange[]>();
    });
    watcher.on("error", (error) => expectTypeOf(error).toEqualTypeOf<ConfigError>());
    // @ts-expect-error there is no such event
    watcher.on("changed", () => {});
  };
  expectTypeOf(listen).returns.toBeVoid();
});

test("wrong options do not compile", () => {
  expectTypeOf<{ interval: "5 parsecs" }>().not.toExtend<WatchConfigOptions>();
  expectTypeOf<{ registry: object }>().not.toExtend<WatchConfigOptions>();
  expectTypeOf<{ optional: string }>().not.toExtend<WatchConfigOptions>();
});

test("an update takes what its constructor takes, and null where there is no default", () => {
  type Changes = Parameters<RateLimiter["update"]>[0];
  expectTypeOf<{ rate: 5; per: "1m"; burst: null; maxQueue: null }>().toExtend<Changes>();
  expectTypeOf<{ rate: null }>().not.toExtend<Changes>();
});

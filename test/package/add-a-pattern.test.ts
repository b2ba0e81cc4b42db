import { spawnSync } from "node:child_process";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { cruise, type IConfiguration, type ICruiseResult } from "dependency-cruiser";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
// Inside the checkout, so that its packages are found.
const copy = path.join(root, ".cache", `pattern-${process.pid}`);
const touched = new Set<string>();

function write(file: string, text: string): void {
  const target = path.join(copy, file);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, text);
}

/** Adds lines before the one place in a file of the project where `anchor` stands. */
function insert(file: string, anchor: string, text: string): void {
  const [before = "", after, ...more] = fs.readFileSync(path.join(copy, file), "utf8").split(anchor);
  if (after === undefined || more.length > 0) throw new Error(`${file} does not have ${anchor} once`);
  write(file, before + text + anchor + after);
  touched.add(file);
}

const LAMP = {
  "src/lamp/options.ts": `
    import { numberFrom, text } from "../kernel/rules.js";
    import type { OptionRules, SettingsFor } from "../kernel/options.js";
    export interface LampOptions {
      readonly name?: string | undefined;
      readonly brightness?: number | undefined;
      readonly leastBrightness?: number | undefined;
    }
    export type LampSettings = SettingsFor<
      LampOptions,
      { name: string; brightness: number; leastBrightness: number }
    >;
    export const lampRules: OptionRules<LampSettings> = {
      name: text("lamp"),
      brightness: numberFrom(50, 0, 100),
      leastBrightness: numberFrom(0, 0, 100),
    };
    export function checkBrightness({ brightness, leastBrightness }: LampSettings): void {
      if (brightness < leastBrightness) throw new RangeError("brightness must be at least leastBrightness.");
    }`,
  "src/lamp/lamp.ts": `
    import type { Component, Snapshot } from "../kernel/component.js";
    import { tellMade } from "../kernel/configured.js";
    import { Events, type Listener } from "../kernel/events.js";
    import { resolveOptions } from "../kernel/options.js";
    import { Printed } from "../kernel/printed.js";
    import { checkBrightness, type LampOptions, lampRules } from "./options.js";
    export interface LampEvents {
      readonly lit: { readonly brightness: number };
    }
    export interface LampSnapshot extends Snapshot {
      readonly kind: "lamp";
      readonly brightness: number;
    }
    export class Lamp extends Printed implements Component {
      readonly name: string;
      readonly brightness: number;
      readonly #events: Events<LampEvents>;
      constructor(options?: LampOptions) {
        super();
        const settings = resolveOptions("Lamp", lampRules, options, "lamp");
        checkBrightness(settings);
        this.name = settings.name;
        this.brightness = settings.brightness;
        this.#events = new Events("the lamp", ["lit"], { kind: "lamp", name: this.name });
        tellMade(this, "lamp", options);
      }
      light(): void {
        this.#events.emit("lit", { brightness: this.brightness });
      }
      on<Name extends keyof LampEvents>(name: Name, listener: Listener<LampEvents[Name]>): Disposable {
        return this.#events.on(name, listener);
      }
      snapshot(): LampSnapshot {
        return { kind: "lamp", name: this.name, brightness: this.brightness };
      }
    }`,
  "src/lamp/descriptor.ts": `
    import {
      type ComponentDescriptor,
      type Meanings,
      type SectionDescriptor,
      sectionRules,
    } from "../kernel/descriptor.js";
    import { Lamp, type LampEvents } from "./lamp.js";
    import { checkBrightness, type LampOptions, lampRules } from "./options.js";
    export const section: SectionDescriptor = {
      rules: sectionRules(lampRules),
      aliases: { brightness: "luminance" },
      together: checkBrightness,
    };
    export const component: ComponentDescriptor<Lamp, LampEvents> = {
      kind: "lamp",
      events: { lit: true },
      configured: { section: "lamp", rules: lampRules },
      make: (options: LampOptions) => new Lamp(options),
    };
    export const meanings: Meanings = {
      means: "Gives light.",
      options: { brightness: { means: "how bright it is" }, leastBrightness: { means: "the least" } },
    };`,
};

/** What an application does with it; compiled together with the copy. */
const USE = `
  import { starterFile } from "./cli/config/starter-file.js";
  import { ConfigError, loadConfig } from "./config/index.js";
  import { configSchema } from "./config/schema.js";
  import { configure, type Lamp, Registry } from "./index.js";
  export function read(path: string): unknown {
    const config = loadConfig({ path, env: {} });
    const registry = new Registry(config);
    const lamp: Lamp = registry.lamp("desk");
    const told: unknown[] = [];
    registry.on((event) => {
      if (event.kind === "lamp") told.push([event.name, event.event, event.payload.brightness]);
    });
    lamp.light();
    using _defaults = configure({ lamp: { brightness: 60 } });
    const other = new Registry().lamp("other", { leastBrightness: 1 });
    return { told, lamps: registry.snapshot().lamps, all: [...registry].length, other: other.brightness };
  }
  export function mistakes(path: string): readonly string[] {
    try {
      loadConfig({ path, env: {} });
      return [];
    } catch (error) {
      return error instanceof ConfigError ? error.issues.map(({ message }) => message) : [String(error)];
    }
  }
  export const schema: string = JSON.stringify(configSchema());
  export const starter: string = starterFile();
`;

beforeAll(() => {
  fs.cpSync(path.join(root, "src"), path.join(copy, "src"), { recursive: true });
  for (const [file, text] of Object.entries(LAMP)) write(file, text);
  write("src/use.ts", USE);
  for (const file of [".dependency-cruiser.cjs", "test/registry.test-d.ts"]) {
    write(file, fs.readFileSync(path.join(root, file), "utf8"));
  }
  const config = { extends: "../../tsconfig.json", include: ["src", "test"] };
  write("tsconfig.json", JSON.stringify(config));

  const list = "src/descriptors.ts";
  insert(list, "import * as shutdown from", 'import * as lamp from "./lamp/descriptor.js";\n');
  insert(list, "import * as shutdown from", 'import type { LampOptions } from "./lamp/options.js";\n');
  insert(
    list,
    "  readonly shutdown?: ConfigSection",
    "  readonly lamp?: ConfigSection<LampOptions> | undefined;\n",
  );
  insert(list, "  shutdown: shutdown.section,", "  lamp: lamp.section,\n");
  insert(list, "  shutdown: shutdown.meanings,", "  lamp: lamp.meanings,\n");
  insert(
    list,
    "  readonly shutdown: typeof shutdown.component;",
    "  readonly lamp: typeof lamp.component;\n",
  );
  insert(list, "  shutdown: shutdown.component,", "  lamp: lamp.component,\n");

  const registry = "src/registry.ts";
  insert(
    registry,
    "import type { GracefulShutdown }",
    'import type { Lamp } from "./lamp/lamp.js";\nimport type { LampOptions } from "./lamp/options.js";\n',
  );
  const report = "src/registry-report.ts";
  insert(report, "import type { ShutdownSnapshot }", 'import type { LampSnapshot } from "./lamp/lamp.js";\n');
  insert(report, "  readonly shutdown: ShutdownSnapshot", "  readonly lamps: ByName<LampSnapshot>;\n");
  insert(
    registry,
    "  /** The one shutdown",
    '  lamp(name: string, overrides?: Omit<LampOptions, "name">): Lamp {\n    return this.#get(components.lamp, name, overrides);\n  }\n\n',
  );
  insert(
    registry,
    "      shutdown: this.#table.snapshots",
    "      lamps: this.#table.snapshots(components.lamp),\n",
  );
  insert("src/index.ts", "export { Registry }", 'export { Lamp } from "./lamp/lamp.js";\n');
});
afterAll(() => fs.rmSync(copy, { recursive: true, force: true }));

interface Use {
  readonly read: (file: string) => unknown;
  readonly mistakes: (file: string) => readonly string[];
  readonly schema: string;
  readonly starter: string;
}

describe("a new pattern", () => {
  test("changes few source files, each named in CONTRIBUTING, which names at most nine", () => {
    const guide = fs.readFileSync(path.join(root, "CONTRIBUTING.md"), "utf8");
    const [, chapter = ""] = guide.split("\n## Add a pattern\n");
    const table = (chapter.split("\n## ")[0] ?? "").matchAll(/^\| `([^`]+)` +\|/gm);
    const named = [...table].map(([, file = ""]) => file);
    expect(named.length).toBeLessThanOrEqual(9);
    expect(named).toEqual(expect.arrayContaining([...touched]));
    expect(named.filter((file) => !fs.existsSync(path.join(root, file)))).toEqual([]);
  });

  test("compiles, with the types of the registry's events and snapshots", () => {
    const tsc = path.join(root, "node_modules/@typescript/native/bin/tsc");
    const { status, stdout } = spawnSync(process.execPath, [tsc, "-p", copy], { encoding: "utf8" });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "" });
  });

  test("is read from a file, configured, created and observed by a registry, and in the schema", async () => {
    const url = pathToFileURL(path.join(copy, "src/use.ts")).href;
    const { read, mistakes, schema, starter } = (await import(/* @vite-ignore */ url)) as Use;
    const file = path.join(copy, "kstlib.conf.yml");
    const load = (text: string): string => {
      fs.writeFileSync(file, text);
      return file;
    };
    const good = "resilience: { lamp: { luminance: 70, instances: { desk: { brightness: 80 } } } }";
    expect(read(load(good))).toEqual({
      told: [["desk", "lit", 80]],
      lamps: { desk: { kind: "lamp", name: "desk", brightness: 80 } },
      all: 1,
      other: 60,
    });
    expect(mistakes(load("resilience: { lamp: { brigtness: 1, luminance: 101 } }"))).toEqual([
      "resilience.lamp.brigtness is not a known key; did you mean brightness?",
      "resilience.lamp.luminance must be a number from 0 to 100; got 101.",
    ]);
    expect(mistakes(load("resilience: { lamp: { least_brightness: 60 } }"))).toEqual([
      "resilience.lamp: brightness must be at least leastBrightness.",
    ]);
    expect(JSON.parse(schema)).toHaveProperty(
      "anyOf.0.properties.resilience.anyOf.0.properties.lamp.anyOf.0.properties.least_brightness",
    );
    expect(starter).toContain("  # Gives light.\n  lamp:\n    # brightness: 50 ");
  });

  test("is subject to the import rules", async () => {
    write("src/lamp/wrong.ts", 'export { Watchdog } from "../watchdog/watchdog.js";');
    const { forbidden, options }: IConfiguration = createRequire(import.meta.url)(
      path.join(copy, ".dependency-cruiser.cjs"),
    );
    const { output } = await cruise(
      ["src"],
      { ...options, baseDir: copy, validate: true, ruleSet: { forbidden: forbidden ?? [] } },
      options?.enhancedResolveOptions ?? {},
    );
    const ofLamp = (output as ICruiseResult).summary.violations.filter(({ from }) => from.includes("/lamp/"));
    expect(ofLamp.map(({ from, rule }) => `${from}: ${rule.name}`)).toEqual([
      "src/lamp/wrong.ts: patterns-import-the-kernel-alone",
    ]);
  });
});

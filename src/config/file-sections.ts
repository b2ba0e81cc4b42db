import { sections } from "../all-sections.js";
import type { ConfigIssue } from "../kernel/config-error.js";
import type { SectionDescriptor } from "../kernel/descriptor.js";
import { messageOf } from "../kernel/message-of.js";
import { nearest } from "../kernel/nearest.js";
import type { FileShape, Rule } from "../kernel/rules.js";
import { show, unlike } from "../kernel/show.js";
import { fieldsOf, innerPaths, isTree, toCamelCase, type Tree } from "./names.js";
import { toSnakeCase } from "../kernel/snake-case.js";
import type { KeyPath, YamlFile } from "./yaml-file.js";

/** The options of a section or an instance as a constructor takes them, by their names in code; checked. */
export type FileOptions = ReadonlyMap<string, unknown>;

/** The content of one section of a file. */
export interface FileSection {
  readonly own: FileOptions;
  readonly instances: ReadonlyMap<string, FileOptions> | undefined;
}

/** The content of files, by the names of the sections in code. */
export type FileSections = ReadonlyMap<string, FileSection>;

/** The content of one file. */
export interface FileContent {
  /** The paths of the files that it includes, as written. */
  readonly includes: readonly string[];
  readonly sections: FileSections;
  /** Every mistake, in the file's order. */
  readonly issues: readonly ConfigIssue[];
}

const TOP = "resilience";

/** The options of a section by each name that a file may use for them. */
type KnownOptions = ReadonlyMap<string, { readonly option: string; readonly rule: Rule<unknown> }>;

function knownOptions({ rules, aliases = {} }: SectionDescriptor): KnownOptions {
  const known = new Map<string, { readonly option: string; readonly rule: Rule<unknown> }>();
  for (const [option, rule] of Object.entries(rules)) {
    if (rule.file === undefined) continue;
    known.set(toSnakeCase(option), { option, rule });
    const alias = aliases[option];
    if (alias !== undefined) known.set(alias, { option, rule });
  }
  return known;
}

interface KnownSection {
  readonly name: string;
  readonly options: KnownOptions;
  readonly isByName: boolean;
}

const KNOWN_SECTIONS: ReadonlyMap<string, KnownSection> = new Map(
  Object.entries(sections).map(([name, section]) => [
    toSnakeCase(name),
    { name, options: knownOptions(section), isByName: section.isByName ?? false },
  ]),
);

function readOption(rule: Rule<unknown>, value: unknown, label: string): unknown {
  // A rule may also take an object of code, such as a URL.
  if (rule.file?.kind === "text" && typeof value !== "string") {
    throw new TypeError(unlike(label, rule.allowed, value));
  }
  const given = toCamelCase(value, rule.file);
  rule.parse(given, label);
  return given;
}

class SectionReader {
  readonly #source: YamlFile;
  readonly #issues: ConfigIssue[] = [];

  constructor(source: YamlFile) {
    this.#source = source;
  }

  read(): FileContent {
    const { include, [TOP]: resilience } = this.#mapping(this.#source.value, []);
    const includes = include === undefined ? [] : this.#includes(include);
    const found = new Map<string, FileSection>();
    for (const [key, value] of Object.entries(this.#mapping(resilience, [TOP]))) {
      const known = KNOWN_SECTIONS.get(key);
      if (known === undefined) this.#unknown([TOP, key], [...KNOWN_SECTIONS.keys()]);
      // An empty section, `heartbeat:` with everything under it commented out, has no effect.
      else if (value !== null) found.set(known.name, this.#section(known, value, [TOP, key]));
    }
    const issues = this.#issues.toSorted(
      (a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0),
    );
    return { includes, sections: found, issues };
  }

  #includes(include: unknown): readonly string[] {
    const named: readonly unknown[] = Array.isArray(include) ? include : [include];
    const paths = named.flatMap((one) => (typeof one === "string" && one !== "" ? [one] : []));
    if (paths.length < named.length) {
      this.#refuse(["include"], "value", unlike("include", "the path of a file or a list of paths", include));
    }
    return paths;
  }

  #section({ options: known, isByName }: KnownSection, value: unknown, keys: KeyPath): FileSection {
    if (isByName) return { own: new Map(), instances: this.#instances(known, value, keys) };
    const { instances, ...own } = this.#mapping(value, keys);
    const names = [...known.keys(), "instances"];
    const isSaid = instances !== undefined && instances !== null;
    return {
      own: this.#options(known, names, own, keys),
      instances: isSaid ? this.#instances(known, instances, [...keys, "instances"]) : undefined,
    };
  }

  #instances(known: KnownOptions, value: unknown, keys: KeyPath): ReadonlyMap<string, FileOptions> {
    const byName = new Map<string, FileOptions>();
    for (const [name, inner] of Object.entries(this.#mapping(value, keys))) {
      const at = [...keys, name];
      byName.set(name, this.#options(known, [...known.keys()], this.#mapping(inner, at), at));
    }
    return byName;
  }

  #options(known: KnownOptions, names: readonly string[], found: Tree, keys: KeyPath): FileOptions {
    const read = new Map<string, unknown>();
    for (const [key, value] of Object.entries(found)) {
      const at = [...keys, key];
      const { option, rule } = known.get(key) ?? {};
      if (option === undefined || rule === undefined) {
        this.#unknown(at, names);
        continue;
      }
      const label = at.join(".");
      if (!this.#knows(rule.file, value, at)) continue;
      try {
        read.set(option, readOption(rule, value, label));
      } catch (error) {
        this.#refuseWithin(rule.file, value, at, messageOf(error));
        continue;
      }
      const name = toSnakeCase(option);
      if (key !== name && Object.hasOwn(found, name)) {
        this.#refuse(at, "key", `${label} and ${name} are the same option; keep one of them.`);
      }
    }
    return read;
  }

  /** Whether all keys within the value of an option are known. */
  #knows(shape: FileShape | undefined, value: unknown, keys: KeyPath): boolean {
    const fields = fieldsOf(shape, value);
    if (fields === undefined || !isTree(value)) return true;
    const known = Object.entries(value).map(([key, inner]) => {
      const at = [...keys, key];
      const field = fields.find(({ file }) => file === key);
      if (field !== undefined) return this.#knows(field.shape, inner, at);
      const names = fields.map(({ file }) => file);
      this.#unknown(at, names);
      return false;
    });
    return !known.includes(false);
  }

  /** Refuses a value, or the part of it that the message is about, with the keys as a file writes them. */
  #refuseWithin(shape: FileShape | undefined, value: unknown, keys: KeyPath, message: string): void {
    const label = `${keys.join(".")}.`;
    const paths = innerPaths(shape, value);
    const text = paths.reduce((said, { code, file }) => said.replaceAll(label + code, label + file), message);
    const part = paths.find(({ file }) => text.startsWith(label + file));
    const at = part === undefined ? keys : [...keys, ...part.file.split(".")];
    this.#refuse(this.#source.has(at) ? at : keys, "value", text);
  }

  /** A mapping of the file; an empty one where it is missing or not a mapping. */
  #mapping(value: unknown, keys: KeyPath): Tree {
    if (isTree(value)) return value;
    if (value !== null && value !== undefined) {
      const what = keys.length === 0 ? "the file" : keys.join(".");
      this.#refuse(keys, "value", `${what} must be a mapping of keys; got ${show(value)}.`);
    }
    return {};
  }

  #unknown(keys: KeyPath, names: readonly string[]): void {
    const meant = nearest(keys.at(-1) ?? "", names);
    const advice = meant === undefined ? `known are ${names.join(", ")}` : `did you mean ${meant}?`;
    this.#refuse(keys, "key", `${keys.join(".")} is not a known key; ${advice}`);
  }

  #refuse(keys: KeyPath, part: "key" | "value", message: string): void {
    this.#issues.push(this.#source.issue(keys, part, message));
  }
}

/** Reads the content of one file by the constructors' rules. Other top-level keys belong to other modules. */
export function readSections(source: YamlFile): FileContent {
  return new SectionReader(source).read();
}

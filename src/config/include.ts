import { realpathSync } from "node:fs";
import path from "node:path";
import { ConfigError, type ConfigIssue } from "../kernel/config-error.js";
import { fromHome } from "../kernel/home-path.js";
import { isFile } from "./discover.js";
import { type FileSections, readSections } from "./file-sections.js";
import { mergeSections } from "./merge.js";
import { type Slip, slipsOf } from "./slips.js";
import { readYamlFile, type YamlFile } from "./yaml-file.js";

/** How many files may include one another in a chain. */
const DEEPEST_INCLUDE = 10;
/** How many files may be read in all: a file may be included again and again, as aliases may. */
const MOST_FILES = 100;

const NOTHING: FileSections = new Map();

/** Reads a file and what it includes: the included files first, in their order, then the file itself over them. */
export class IncludeReader {
  /** Lowest precedence first. */
  readonly sources: YamlFile[] = [];
  readonly slips: Slip[] = [];
  readonly #home: () => string;
  readonly #looked: Set<string>;
  /** The mistakes so far, by place and message: those of a file that is included twice count once. */
  readonly #issues: Map<string, ConfigIssue> = new Map();
  #cause: unknown;
  #files = 0;

  /**
   * @param home what `~/` means in a path.
   * @param looked receives the path of each file, even of one that cannot be read.
   */
  constructor(home: () => string, looked: Set<string>) {
    this.#home = home;
    this.#looked = looked;
  }

  /** @throws ConfigError with the mistakes of all files. */
  read(file: string): FileSections {
    const merged = this.#read(file, []);
    const [first, ...more] = this.#issues.values();
    if (first !== undefined) throw new ConfigError([first, ...more], { cause: this.#cause });
    return merged;
  }

  #read(file: string, chain: readonly string[]): FileSections {
    this.#looked.add(file);
    const source = this.#try(() => readYamlFile(file));
    if (source === undefined) return NOTHING;
    const { includes, sections, issues } = readSections(source);
    this.#keep(issues);
    this.slips.push(...slipsOf(source));
    const here = [...chain, realpathSync(file)];
    let merged = NOTHING;
    for (const include of includes) {
      const included = path.resolve(path.dirname(file), fromHome(include, this.#home));
      const found = this.#try(() => this.#include(included, here, source));
      if (found !== undefined) merged = mergeSections(merged, found);
    }
    this.sources.push(source);
    return mergeSections(merged, sections);
  }

  /** Keeps the mistakes of an unreadable file and continues: the other files may have more. */
  #try<Result>(step: () => Result): Result | undefined {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      if (this.#issues.size === 0) this.#cause = error.cause;
      this.#keep(error.issues);
      return undefined;
    }
  }

  #keep(issues: readonly ConfigIssue[]): void {
    for (const issue of issues) {
      const { file, line, column, message } = issue;
      this.#issues.set(JSON.stringify([file, line, column, message]), issue);
    }
  }

  #include(file: string, chain: readonly string[], from: YamlFile): FileSections {
    const refuse = (message: string): never => {
      throw new ConfigError([from.issue(["include"], "value", message)]);
    };
    // Reported once; later includes are not read at all.
    if (this.#files > MOST_FILES) return NOTHING;
    this.#files += 1;
    if (this.#files > MOST_FILES) refuse(`include reads more than ${MOST_FILES} files`);
    this.#looked.add(file);
    // Reported where it can be corrected: in the file that names it.
    if (!isFile(file)) refuse(`include names ${file}, which is not a file`);
    const identity = realpathSync(file);
    if (chain.includes(identity)) refuse(`include is circular: ${[...chain, identity].join(" > ")}`);
    if (chain.length > DEEPEST_INCLUDE) {
      refuse(
        `include is nested more than ${DEEPEST_INCLUDE} files deep: ${[...chain, identity].join(" > ")}`,
      );
    }
    return this.#read(file, chain);
  }
}

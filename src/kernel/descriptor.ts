import type { Component } from "./component.js";
import type { LogRules } from "./log-rule.js";
import type { Rule } from "./rules.js";

/** The rules of one section of the configuration, by option. */
export type SectionRules = Readonly<Record<string, Rule<unknown>>>;

/** A section of the configuration, by the constructors' rules. */
export interface SectionDescriptor {
  /** Without `name`: an instance is named by its key under `instances`. */
  readonly rules: SectionRules;
  /** Second names that a file may use for options, by option. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Its keys are names of instances; there are no options for all of them. */
  readonly isByName?: true;
  /**
   * Throws, as a constructor would, for options that are each valid but contradict one another.
   *
   * @param settings what the rules have made of the options, defaults included.
   */
  together?(settings: Readonly<Record<string, unknown>>): void;
}

/** What an option is for, in the words of a comment in the file. */
export interface Meaning {
  readonly means: string;
  /** A value to start from, for an option that has no default; as YAML. */
  readonly example?: string;
}

/** What a section is for, and each of its options that a file can have, by its name in code. */
export interface Meanings {
  readonly means: string;
  readonly options: Readonly<Record<string, Meaning>>;
  /** An example of an instance, where a section is likely to have several; as YAML. */
  readonly instances?: string;
}

/** The options of a kind of component that a configuration can have. */
export interface ConfiguredOptions {
  /** The section that they stand in. */
  readonly section: string;
  readonly rules: SectionRules;
  /** Those that `update` changes while a component is alive; the others apply when it is created. Default none. */
  readonly live?: readonly string[];
}

/** One kind of component: how a registry creates it, listens to it and ends it. */
export interface ComponentDescriptor<Instance extends Component, Payloads extends object> {
  /** The `kind` in its snapshots. */
  readonly kind: ReturnType<Instance["snapshot"]>["kind"];
  /** Its events, and how each is logged; `true`: not at all. */
  readonly events: LogRules<Payloads>;
  /** Its configuration. Default: none, its options are given in code only. */
  readonly configured?: ConfiguredOptions;
  make(options: object): Instance;
  /** There is one in an application, and it ends before everything else. */
  readonly only?: {
    /** Takes the component out of service without running it. */
    release(instance: Instance): void;
    end(instance: Instance): Promise<void>;
  };
}

/** The rules of a section from those of its constructors. */
export function sectionRules(...ofConstructors: readonly SectionRules[]): SectionRules {
  const rules = ofConstructors.flatMap((one) => Object.entries(one));
  return Object.fromEntries(rules.filter(([option]) => option !== "name"));
}

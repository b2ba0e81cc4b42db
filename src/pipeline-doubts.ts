import { checkConfiguration } from "./configure.js";
import type { ResilienceConfig } from "./descriptors.js";
import { pushSource } from "./kernel/configured.js";
import { messageOf } from "./kernel/message-of.js";
import { show } from "./kernel/show.js";
import { warnOfNoEffect } from "./policies/pipeline/no-effect.js";
import { makeResilient } from "./resilient.js";

/** What `Registry.pipeline` would warn of or throw, if the code adds nothing to the configuration. */
export interface PipelineDoubt {
  /** `pipelines`, the name and the part, by their names in code. */
  readonly keys: readonly string[];
  readonly message: string;
}

/** Makes each pipeline of a configuration, for nobody, to see what would be said of it. */
export function pipelineDoubts(config: ResilienceConfig): readonly PipelineDoubt[] {
  const doubts: PipelineDoubt[] = [];
  const trial = pushSource({ configuration: checkConfiguration(config), isTrial: true });
  try {
    for (const [name, parts] of Object.entries(config.pipelines ?? {})) {
      const keys = ["pipelines", name];
      const owner = `pipeline ${show(name)}`;
      try {
        const made = makeResilient("pipelines", { ...parts, name });
        // Each part of a configuration is one policy, and one actor.
        const named = Object.keys(made).filter((key) => Object.hasOwn(parts, key));
        warnOfNoEffect(owner, made.actsAs, (message, index) => {
          doubts.push({ keys: [...keys, ...named.slice(index, index + 1)], message });
        });
      } catch (error) {
        const message = `${owner} cannot be made of the configuration alone: ${messageOf(error)}`;
        doubts.push({ keys, message });
      }
    }
  } finally {
    trial[Symbol.dispose]();
  }
  return doubts;
}

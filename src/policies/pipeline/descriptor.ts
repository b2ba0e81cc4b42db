import { logged, told, toldOutcome } from "../../kernel/log-line.js";
import type { ComponentDescriptor } from "../../kernel/descriptor.js";
import { Pipeline, type PipelineEvents } from "./pipeline.js";

export const component: ComponentDescriptor<Pipeline<unknown>, PipelineEvents> = {
  kind: "pipeline",
  events: {
    settled: logged("debug", ({ outcome, seconds }) => ({
      message: `${outcome.status} after ${told(seconds)}`,
      fields: { status: outcome.status, seconds, ...toldOutcome(outcome) },
    })),
  },
  make: ({ name, policies }: Pick<Pipeline<unknown>, "name" | "policies">) => new Pipeline(name, policies),
};

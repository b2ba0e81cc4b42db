import type { ComponentDescriptor } from "../../kernel/descriptor.js";
import { Pipeline, type PipelineEvents } from "./pipeline.js";

export const component: ComponentDescriptor<Pipeline<unknown>, PipelineEvents> = {
  kind: "pipeline",
  events: { settled: true },
  make: ({ name, policies }: Pick<Pipeline<unknown>, "name" | "policies">) => new Pipeline(name, policies),
};

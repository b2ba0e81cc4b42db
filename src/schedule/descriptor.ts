import { type Meanings, type SectionDescriptor, sectionRules } from "../kernel/descriptor.js";
import { timeTriggerRules } from "./options.js";

export const section: SectionDescriptor = { rules: sectionRules(timeTriggerRules) };

export const meanings: Meanings = {
  means: "Time boundaries of the local wall clock; read by TimeTrigger.",
  options: {},
};

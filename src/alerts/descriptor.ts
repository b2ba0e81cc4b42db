import { type Meanings, type SectionDescriptor, sectionRules } from "../kernel/descriptor.js";
import { alertManagerRules } from "./options.js";

export const section: SectionDescriptor = { rules: sectionRules(alertManagerRules) };

export const meanings: Meanings = {
  means: "Where alerts go, and how many; read by AlertManager.",
  options: {},
};

import * as alerts from "./alerts/descriptor.js";
import { meanings as ofCore, sections as inCore, type SectionApart } from "./descriptors.js";
import type { Meanings, SectionDescriptor } from "./kernel/descriptor.js";
import * as schedule from "./schedule/descriptor.js";
import * as websocket from "./websocket/descriptor.js";

// The core knows of these no more than their names: each checks its options when it is created.
const apart: Readonly<
  Record<SectionApart, { readonly section: SectionDescriptor; readonly meanings: Meanings }>
> = {
  schedule,
  alerts,
  websocket,
};

/** All sections that a file can have, by their names in code. */
export const sections: Readonly<Record<string, SectionDescriptor>> = {
  ...inCore,
  ...Object.fromEntries(Object.entries(apart).map(([name, { section }]) => [name, section])),
};

/** What these sections and their options are for. */
export const meanings: Readonly<Record<string, Meanings>> = {
  ...ofCore,
  ...Object.fromEntries(Object.entries(apart).map(([name, one]) => [name, one.meanings])),
};

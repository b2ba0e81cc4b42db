/// <reference lib="esnext.disposable" preserve="true" />
export * from "../kernel/exports.js";
export type { Boundary, TimeTriggerEvents, TimeTriggerSnapshot, TimeTriggerStats } from "./events.js";
export type { ScheduleSection, TimeTriggerOptions } from "./options.js";
export { TimeTrigger } from "./time-trigger.js";
export type { OnBoundaryOptions, WaitForBoundaryOptions } from "./wait-options.js";

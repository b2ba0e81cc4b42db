// The types that the entry points of the heartbeat and the watchdog re-export.
export type { FreezeLink } from "./freeze-link.js";
export type { HeartbeatCheckOptions } from "./options.js";
export type { UnreadableReason } from "./read-file.js";
export type { HeartbeatMetadata, HeartbeatState, HeartbeatStatus } from "./state.js";
export type { HeartbeatCheck, HeartbeatVerdict } from "./verdict.js";

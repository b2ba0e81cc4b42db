// @ts-check
// What a phase has to show before it ends.

/** @typedef {import("./story.mjs").MarketStory} MarketStory */

/** By the fault of the phase; without one, a loss, and that it is over. @type {Record<string, (story: MarketStory) => boolean>} */
export const SEEN = {
  none: (story) => story.isCalm,
  handover: (story) => story.isCalm && story.inPhase.handovers > 0,
  burst: (story) => story.hasRead("trades"),
  garbage: (story) => story.hasRead("garbage"),
  refused: (story) => story.inPhase.targetDead > 0,
  "rest errors": (story) => story.inPhase.opened > 0,
  stopped: (story) => story.inPhase.unwell.includes("stale"),
  // Before it is killed: what it has not told yet would be lost with it.
  poison: (story) =>
    story.isCalm && story.inPhase.unwell.includes("frozen") && story.main.alerts.pending === 0,
  killed: (story) => story.inPhase.unwell.includes("dead"),
};

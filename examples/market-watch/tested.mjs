// @ts-check
// Whether a promise was put to the test.

/** @typedef {import("./story.mjs").MarketStory} Story */

/** How many phases with this fault were seen to their end. @param {Story} story @param {string} fault */
export function times({ completed }, fault) {
  return completed.filter((found) => found === fault).length;
}

/** `held`; before all of the faults have happened `undefined`, for not tested, if that is because of Ctrl-C. @param {Story} story @param {string[]} faults @param {boolean} held */
export function tested(story, faults, held) {
  if (faults.every((fault) => times(story, fault) > 0)) return held;
  return story.interrupted ? undefined : false;
}

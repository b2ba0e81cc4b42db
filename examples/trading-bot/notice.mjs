// @ts-check
// What freezes the bot: a text from outside, and a regular expression that backtracks almost endlessly on it.

/** Words with spaces between; on "aaaaaaaaaaaaaaaaaaaaaaaa!" the time doubles with every letter. */
const WORDS = /^(\w+\s?)*$/;
// Repeated until it has used this much CPU time, so that the freeze is as long on every machine.
const FROZEN_MICROSECONDS = 2_500_000;

/** Whether `text` is made of words; blocks the thread. @param {string} text @param {number} [microseconds] of CPU time */
export function readNotice(text, microseconds = FROZEN_MICROSECONDS) {
  const before = process.cpuUsage();
  let valid = false;
  for (;;) {
    const { user, system } = process.cpuUsage(before);
    if (user + system >= microseconds) return valid;
    valid = WORDS.test(text);
  }
}

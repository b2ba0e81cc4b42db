// @ts-check
// The arguments that the demos have in common, and what is done with those that are wrong.

/** For `parseArgs`. */
export const OPTIONS = /** @type {const} */ ({
  fast: { type: "boolean", default: false },
  "keep-running": { type: "boolean", default: false },
  plain: { type: "boolean", default: false },
  help: { type: "boolean", short: "h", default: false },
});

/**
 * What `read` returns. Ends the process where the arguments ask for the help, or `read` throws.
 *
 * @template {{ help: boolean }} Options @param {string} help @param {() => Options} read @returns {Options}
 */
export function readArguments(help, read) {
  try {
    const options = read();
    if (!options.help) return options;
    console.log(help);
    process.exit(0);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    process.exit(2);
  }
}

/** Whether this is Node itself: others share its names, not all that stands behind them. */
export function isNode(): boolean {
  return process.versions["bun"] === undefined && process.versions["deno"] === undefined;
}

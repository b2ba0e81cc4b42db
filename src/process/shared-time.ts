/** The time that all threads of a process share, and all copies of this package in it, in milliseconds. */
export function sharedNow(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

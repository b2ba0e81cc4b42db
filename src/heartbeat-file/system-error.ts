/** Whether an error, also one of another realm (Jest, `node:vm`), has one of these codes. */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "code" in error &&
    codes.some((code) => code === error.code)
  );
}

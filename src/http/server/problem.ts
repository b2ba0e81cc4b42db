/** Types of problem details that the draft of the RateLimit fields registers. */
const TYPES = "https://iana.org/assignments/http-problem-types#";

/** The media type of problem details, RFC 9457. */
export const PROBLEM_TYPE = "application/problem+json";

/** JSON in which nothing is markup, for those who put it into a page. */
function escaped(value: object): string {
  return JSON.stringify(value).replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The body of a 429: which policies the request would have violated. */
export function quotaExceeded(policies: readonly string[]): string {
  return escaped({
    type: `${TYPES}quota-exceeded`,
    title: "Request cannot be satisfied as assigned quota has been exceeded",
    status: 429,
    "violated-policies": policies,
  });
}

/** The body of a 503: for now there is less capacity than requests need. */
export const REDUCED_CAPACITY: string = escaped({
  type: `${TYPES}temporary-reduced-capacity`,
  title: "Request cannot be satisfied due to temporary server capacity constraints",
  status: 503,
});

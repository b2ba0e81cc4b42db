// @ts-check
// The faults of the exchange, in order. The exchange runs them; the terminal view only shows the current one.

/**
 * @typedef {"none" | "latency" | "errors" | "refused" | "throttled" | "hang" | "poison"} Fault
 * @typedef {{ fault: Fault, title: string, tells: string, seconds: number, retryAfter?: number[] }} Phase
 */

/** @type {Record<string, Omit<Phase, "seconds">>} */
const PHASES = {
  steady: { fault: "none", title: "all is well", tells: "answers come in a few milliseconds" },
  latency: { fault: "latency", title: "slow", tells: "answers take 100 to 250 ms; nothing may break" },
  errors: { fault: "errors", title: "outage: errors", tells: "every request is answered with 500" },
  recovery: { fault: "none", title: "well again", tells: "probes succeed, the circuit closes" },
  throttled: {
    fault: "throttled",
    title: "throttled",
    tells: "429 with Retry-After: the bot must be silent",
  },
  refused: { fault: "refused", title: "outage: port closed", tells: "connections are refused" },
  hang: { fault: "hang", title: "outage: no answer", tells: "books an order, and then answers nothing" },
  poison: {
    fault: "poison",
    title: "poisoned notice",
    tells: "a ticker carries a text that freezes the bot",
  },
};

/** @param {string} name @param {number} seconds @param {number[]} [retryAfter] @returns {Phase} */
function phase(name, seconds, retryAfter) {
  const found = PHASES[name];
  if (found === undefined) throw new Error(`there is no phase ${name}`);
  return { ...found, seconds, ...(retryAfter === undefined ? {} : { retryAfter }) };
}

/** About a minute, or about 20 seconds when `fast`. @param {boolean} fast @returns {[Phase, ...Phase[]]} */
export function schedule(fast) {
  if (fast) {
    return [
      phase("steady", 1.5),
      phase("latency", 1.5),
      phase("errors", 2),
      phase("recovery", 2),
      phase("throttled", 2, [1]),
      phase("refused", 1.5),
      phase("recovery", 2),
      phase("hang", 2.5),
      phase("recovery", 2),
      phase("poison", 3.5),
      phase("steady", 0.5),
    ];
  }
  return [
    phase("steady", 6),
    phase("latency", 6),
    phase("errors", 6),
    phase("recovery", 5),
    phase("throttled", 7, [3, 1]),
    phase("refused", 6),
    phase("recovery", 5),
    phase("hang", 5),
    phase("recovery", 5),
    phase("poison", 5),
    phase("steady", 2),
  ];
}

// @ts-check
// What happens to the exchange and to Redis, in order.

/**
 * @typedef {"none" | "errors" | "hang" | "stopped"} Fault
 * @typedef {{ fault: Fault, title: string, tells: string, seconds: number, of?: string }} Phase `of` says whose it is, if not the exchange's
 */

/** @type {Record<string, Omit<Phase, "seconds">>} */
const PHASES = {
  steady: { fault: "none", title: "all is well", tells: "the bots share one limit" },
  errors: { fault: "errors", title: "outage: errors", tells: "every request is answered with 500" },
  recovery: { fault: "none", title: "well again", tells: "one probe succeeds, the circuit closes for all" },
  stopped: {
    fault: "stopped",
    title: "stopped",
    tells: "SIGSTOP: it keeps its connections, and is silent",
    of: "Redis",
  },
  thawed: {
    fault: "none",
    title: "it answers again",
    tells: "SIGCONT: the bots share the limit again",
    of: "Redis",
  },
  hang: {
    fault: "hang",
    title: "outage: no answer",
    tells: "the exchange takes requests, and answers nothing",
  },
};

/** @param {string} name @param {number} seconds @returns {Phase} */
function phase(name, seconds) {
  const found = PHASES[name];
  if (found === undefined) throw new Error(`no phase is called ${name}`);
  return { ...found, seconds };
}

/** About 30 seconds, or about 15 when `fast`. @param {boolean} fast @returns {[Phase, ...Phase[]]} */
export function schedule(fast) {
  if (fast) {
    return [
      phase("steady", 2),
      phase("errors", 2),
      phase("recovery", 2),
      phase("stopped", 3),
      phase("thawed", 2),
      phase("hang", 2),
      phase("recovery", 2),
    ];
  }
  return [
    phase("steady", 5),
    phase("errors", 4),
    phase("recovery", 4),
    phase("stopped", 3),
    phase("thawed", 5),
    phase("hang", 4),
    phase("recovery", 4),
  ];
}

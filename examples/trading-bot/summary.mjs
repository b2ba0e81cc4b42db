// @ts-check
// Judges a story: what was promised, what happened, and whether they agree.
import { pad, paint, widthOf, wrap } from "./terminal.mjs";

/**
 * @typedef {import("./story.mjs").Story} Story
 * @typedef {{ title: string, held: boolean | undefined, facts: string[] }} Promised `held` is undefined when it was never tested
 */

const SHUTDOWN_ORDER = "positions, connections, heartbeat";
/** 128 + the number of SIGTERM: a complete shutdown. */
const EXIT_AFTER_SIGTERM = process.platform === "win32" ? 0 : 143;

/** @param {number} count @param {string} one @param {string} [many] */
export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** @param {number | undefined} value */
function seconds(value) {
  return value === undefined ? "never" : `${value.toFixed(2)} s`;
}

/** @param {Story} story @returns {Promised} */
function circuitOpens({ outages, circuit, openSeconds, bot, interrupted }) {
  const survived = outages.filter(({ opened, closed }) => opened && closed).length;
  const ended = interrupted || circuit.state === "closed";
  return {
    title: "An outage opens the circuit, recovery closes it",
    held: outages.length === 0 ? undefined : survived === outages.length && ended,
    facts: [
      `${plural(outages.length, "outage")}, ${survived} opened the circuit and closed it again`,
      `opened ${plural(circuit.openings, "time")}, open for ${seconds(openSeconds)} in all`,
      `${plural(bot.circuit.stats.rejectedCalls, "call")} refused without a request (${bot.orders.refused} orders)`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function pricesServed({ bot: { looks }, outages }) {
  return {
    title: "While it is open, last known prices serve",
    held: outages.length === 0 ? undefined : looks.lastKnown > 0 && looks.unserved === 0,
    facts: [`${looks.fresh} fresh, ${looks.lastKnown} last known ones, ${looks.unserved} without a price`],
  };
}

/** @param {Story} story @returns {Promised} */
function deadlinesKept({ bot: { attempts } }) {
  const { start, deadline } = attempts.latest;
  return {
    title: "No attempt begins after its deadline",
    held: attempts.attempts > 0 && attempts.late === 0,
    facts: [
      `${attempts.attempts} attempts, ${attempts.late} of them after the deadline of their call`,
      `the latest began after ${start.toFixed(0)} ms; the deadline is ${deadline.toFixed(0)} ms`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function retriesInBudget({ bot: { attempts, retry }, exchange, outages }) {
  const { retries, allowed } = attempts.busiest;
  // The circuit may have opened between two attempts.
  const refused = retry.retries - attempts.retries;
  const agree = refused >= 0 && exchange.retries <= attempts.retries;
  return {
    title: "Retries stay within their budget, outages included",
    held: outages.length === 0 ? undefined : attempts.retries > 0 && attempts.overBudget === 0 && agree,
    facts: [
      `${plural(attempts.retries, "retry", "retries")} sent for ${attempts.calls} calls, the exchange saw ${exchange.retries}; ${refused} more refused on the way`,
      `closest to the budget: ${retries} in ten seconds, when ${Math.floor(allowed)} were allowed; ${retry.suppressed} suppressed`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function requestsAgree({ bot, exchange }) {
  const { sent, notDelivered, noAnswer } = bot.requests;
  const missing = sent - notDelivered - exchange.seen;
  const admitted = bot.circuit.stats.totalCalls - bot.circuit.stats.rejectedCalls;
  return {
    title: "Both sides count the same requests",
    // The exchange may not have read a request that the bot aborted.
    // A request that the circuit admitted just as its call ran out of time was not sent.
    held: missing >= 0 && missing <= noAnswer && admitted >= sent && admitted - sent <= bot.expired,
    facts: [
      `bot: ${sent} sent, ${notDelivered} of them not delivered, ${noAnswer} not answered in time`,
      `exchange: ${exchange.seen} seen, ${exchange.errors} answered with 500, ${exchange.unanswered} not at all`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function rateKept({ exchange }) {
  return {
    title: "The rate limit is kept",
    held: exchange.busiestSecond <= exchange.limit,
    facts: [
      `at most ${exchange.busiestSecond} requests in any second, the exchange allows ${exchange.limit}`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function silentWhenThrottled({ bot, exchange }) {
  return {
    title: "After a 429 the bot is silent for as long as asked",
    held:
      exchange.throttled === 0
        ? undefined
        : exchange.duringPause === 0 && bot.throttled.seen === exchange.throttled,
    facts: [
      `429: ${exchange.throttled} sent, ${bot.throttled.seen} seen; longest pause ${bot.throttled.longestPause} s`,
      `${plural(exchange.duringPause, "request")} during a pause`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function freezesDetected({ freezes, bot, exchange }) {
  const reported = freezes.filter(
    (found) => found.detectedAfter !== undefined && found.kind === "blocked-js" && found.named,
  );
  return {
    title: "A frozen loop is reported while it is frozen",
    held:
      exchange.notices === 0
        ? undefined
        : reported.length === exchange.notices &&
          freezes.length === exchange.notices &&
          bot.watchdog.timeoutsTriggered === exchange.notices,
    facts: [
      `${plural(exchange.notices, "freeze")} caused, ${reported.length} reported with the line of code that froze`,
      ...freezes
        .slice(-3)
        .map(
          ({ kind, detectedAfter, lasted }) =>
            `${kind ?? "no report"}: detected after ${seconds(detectedAfter)}, lasted ${seconds(lasted)}`,
        ),
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function heartbeatTellsTruth({ heartbeat, exchange, freezes }) {
  return {
    title: "The heartbeat's file says frozen while the loop is, and only then",
    held:
      heartbeat.sequence > 0 &&
      heartbeat.frozen === freezes.length &&
      heartbeat.stale <= freezes.length &&
      freezes.length === exchange.notices,
    facts: [
      `${plural(heartbeat.sequence, "beat")} written, longest gap ${seconds(heartbeat.longestGap)}`,
      `a monitor found it frozen ${plural(heartbeat.frozen, "time")}, stale ${plural(heartbeat.stale, "time")}`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function noOrderLost({ unmatched, accepted, booked, exchange, bot }) {
  return {
    title: "No order is lost, none is booked twice",
    held: unmatched.size === 0 && accepted > 0 && accepted === booked && exchange.position === 0,
    facts: [
      `orders lost: ${unmatched.size}; ${accepted} accepted by the exchange, ${booked} booked by the bot`,
      `booked and not answered, so sent again: ${bot.orders.repeated}; positions left open: ${exchange.position}`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function shutDownInOrder({ closed, exit, heartbeat, report }) {
  return {
    title: "SIGTERM ends it in order",
    held:
      closed.map(({ name }) => name).join(", ") === SHUTDOWN_ORDER &&
      closed.every(({ status }) => status === "done") &&
      report?.ok === true &&
      exit === EXIT_AFTER_SIGTERM &&
      heartbeat.last === "stopped",
    facts: [
      closed.map((step) => `${step.name} ${step.status} in ${seconds(step.seconds)}`).join(", ") ||
        "no callback ran",
      report === undefined
        ? "no report"
        : `the report: ${report.reason}, ${report.ok ? "all done" : "not all done"}, in ${seconds(report.seconds)}`,
      `exit code ${exit}, the last heartbeat says "${heartbeat.last}"`,
    ],
  };
}

/** @param {Story} story @returns {Promised[]} */
export function judge(story) {
  if (story.bot === undefined || story.exchange === undefined) {
    const held = story.interrupted ? undefined : false;
    return [{ title: "The demo starts", held, facts: [`exit code ${story.exit}`] }];
  }
  return [
    circuitOpens(story),
    pricesServed(story),
    deadlinesKept(story),
    retriesInBudget(story),
    requestsAgree(story),
    rateKept(story),
    silentWhenThrottled(story),
    freezesDetected(story),
    heartbeatTellsTruth(story),
    noOrderLost(story),
    shutDownInOrder(story),
  ];
}

/** @param {boolean | undefined} held */
function mark(held) {
  if (held === undefined) return paint("yellow", "–");
  return held ? paint("green", "✓") : paint("red", "✗");
}

/** The table: two columns, or one below the other if there is no room. @param {Promised[]} promises @param {number} columns */
export function table(promises, columns) {
  const left = Math.max(...promises.map(({ title }) => title.length)) + 2;
  const right = Math.max(...promises.flatMap(({ facts }) => facts.map(widthOf)));
  const wide = left + right + 5 <= columns;
  const lines = promises.flatMap(({ title, held, facts }) => {
    const [first = "", ...others] = facts;
    const head = `  ${mark(held)} ${paint("bold", title)}`;
    if (wide) return [pad(head, left + 4) + first, ...others.map((fact) => " ".repeat(left + 4) + fact)];
    const [begin = "", ...rest] = wrap(title, columns - 4);
    return [
      `  ${mark(held)} ${paint("bold", begin)}`,
      ...rest.map((line) => `    ${paint("bold", line)}`),
      ...facts.flatMap((fact) =>
        wrap(fact, columns - 8).map((line, n) => (n === 0 ? "      " : "        ") + line),
      ),
    ];
  });
  const kept = promises.filter(({ held }) => held === true).length;
  const untested = promises.filter(({ held }) => held === undefined).length;
  const verdict =
    `${kept} of ${promises.length} promises held` + (untested > 0 ? `, ${untested} not put to the test` : "");
  const style = kept + untested === promises.length ? "green" : "red";
  return ["", ...lines, "", `  ${paint(["bold", style], verdict)}`, ""];
}

// @ts-check
// Judges a story: what was promised, what both sides counted, and whether they agree.
import { plural } from "../trading-bot/summary.mjs";
import { alertsArrive, toldFromOutside } from "./alerts-judged.mjs";
import { allStored, gapsFilled } from "./candles-judged.mjs";
import { tested, times } from "./tested.mjs";

/**
 * @typedef {import("./story.mjs").MarketStory} Story
 * @typedef {import("../trading-bot/summary.mjs").Promised} Promised
 * @typedef {import("./candles-judged.mjs").Stored} Stored
 */

/** 128 + the number of SIGTERM: a complete shutdown. */
const EXIT_AFTER_SIGTERM = process.platform === "win32" ? 0 : 143;
const SHUTDOWN_ORDER = "stream, gaps, alerts, store, heartbeat";
const SILENT = ["silence", "half-open"];

/** @param {number} value */
function seconds(value) {
  return `${value.toFixed(2)} s`;
}

/** @param {Story} story @returns {Promised} */
function handedOver(story) {
  const { exchange, handovers, handoverGaps } = story;
  const { closedByMaintenance, doubled } = exchange.stream;
  const planned = times(story, "handover");
  return {
    title: "A planned reconnect loses nothing",
    held: tested(
      story,
      ["handover"],
      handovers >= planned && closedByMaintenance === 0 && handoverGaps === 0 && doubled > 0,
    ),
    facts: [
      `${plural(handovers, "handover")}; connections that the maintenance had to close: ${closedByMaintenance}`,
      `candles sent by both connections: ${doubled}, read twice: ${story.sum(({ candles }) => candles.streamTwice)}; gaps: ${handoverGaps}`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function silenceFound(story) {
  const found = story.losses.filter(({ fault }) => SILENT.includes(fault));
  const phases = SILENT.reduce((sum, fault) => sum + times(story, fault), 0);
  return {
    title: "A connection that says nothing is found",
    held: tested(
      story,
      SILENT,
      (found.length === phases || (story.interrupted && found.length > phases)) &&
        found.every(({ reason }) => reason === "ping-timeout"),
    ),
    facts: found
      .slice(-2)
      .map(({ fault, reason, after }) => `${fault}: ${reason}, ${seconds(after)} after it began`),
  };
}

/** @param {Story} story @returns {Promised} */
function connectedAgain(story) {
  const { losses, connects, exchange } = story;
  const failed = story.sum(({ stream }) => stream.failedAttempts);
  const { opened, refused } = exchange.stream;
  // An attempt that was given up may have arrived all the same.
  const agree = opened >= connects && opened - connects <= Math.max(0, failed - refused);
  const dead = times(story, "refused");
  return {
    title: "After every loss it is connected again",
    held: tested(
      story,
      ["broken frame", "close", "refused"],
      agree && refused > 0 && story.targetDead >= dead && story.connectedAtTheEnd,
    ),
    facts: [
      `lost ${plural(losses.length, "time")}: ${losses
        .slice(-5)
        .map(({ code }) => code)
        .join(", ")}`,
      `connections: program ${connects}, exchange ${opened}; handshakes refused: ${refused}`,
      `the heartbeat told that the stream is dead: ${plural(story.targetDead, "time")}`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function rushRead(story) {
  const { trades, garbage } = story.exchange.stream;
  const [read, twice, refused] = [story.total("trades"), story.total("tradesTwice"), story.total("garbage")];
  const dropped = story.sum(({ stream }) => stream.droppedReceived);
  return {
    title: "A rush is read whole, garbage harms nothing",
    held: tested(
      story,
      ["burst", "garbage"],
      read === trades && twice === 0 && dropped === 0 && refused === garbage,
    ),
    facts: [
      `trades: ${trades} sent, ${read} read, ${twice} twice, ${dropped} dropped`,
      `garbage: ${garbage} sent, ${refused} recognised`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function restSpared(story) {
  const { seen, failed, throttled, busiestSecond } = story.exchange.rest;
  const sent = story.sum(({ gaps }) => gaps.requests);
  const { openings, closings, state } = story.circuit;
  return {
    title: "REST is not overrun: limit and circuit",
    held: tested(
      story,
      ["rest errors"],
      sent === seen && throttled === 0 && openings > 0 && closings > 0 && state === "closed",
    ),
    facts: [
      `requests: program ${sent} sent, exchange ${seen} seen, ${failed} answered with 500, ${throttled} with 429`,
      `at most ${busiestSecond} in any second; the circuit opened ${plural(openings, "time")}, and is ${state}`,
    ],
  };
}

/** @param {Story} story @returns {Promised} */
function shutDownInOrder({ endings }) {
  const all = Object.entries(endings);
  const order = endings["market-watch"]?.steps.map(({ name }) => name).join(", ");
  return {
    title: "SIGTERM ends both in order",
    held:
      order === SHUTDOWN_ORDER &&
      all.every(
        ([, { steps, report, exit }]) =>
          report?.ok === true &&
          exit === EXIT_AFTER_SIGTERM &&
          steps.every(({ status }) => status === "done"),
      ),
    facts: [
      `market-watch: ${order || "no callback ran"}`,
      all
        .map(([name, { exit, report }]) => `${name}: exit code ${exit}${report ? "" : ", no report"}`)
        .join(", "),
    ],
  };
}

/** @param {Story} story @param {readonly Stored[]} stored what the program's file holds @param {import("./webhook.mjs").Webhook["counts"]} webhook @returns {Promised[]} */
export function judge(story, stored, webhook) {
  if (story.main === undefined || story.exchange === undefined) {
    const exit = story.endings["market-watch"]?.exit;
    return [
      {
        title: "The demo starts",
        held: story.interrupted ? undefined : false,
        facts: [`exit code ${exit}`],
      },
    ];
  }
  return [
    allStored(story, stored),
    gapsFilled(story, stored),
    handedOver(story),
    silenceFound(story),
    connectedAgain(story),
    rushRead(story),
    restSpared(story),
    alertsArrive(story, webhook),
    toldFromOutside(story),
    shutDownInOrder(story),
  ];
}

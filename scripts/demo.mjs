// npm run demo [-- arguments]: prepares the clone, then becomes the trading bot, or with --redis or --instances the fleet, or
// with --market, as npm run demo:market passes it, the market watch.
// In this process, not in a child: signals, the terminal and the exit code are then the demo's own, with nothing in
// between to pass them on.
import path from "node:path";
import { pathToFileURL } from "node:url";
import { root, setUp } from "./setup.mjs";

setUp();

function program() {
  const market = process.argv.indexOf("--market");
  if (market !== -1) {
    process.argv.splice(market, 1);
    return path.join("market-watch", "demo.mjs");
  }
  const isFleet = process.argv.some((argument) => /^--(redis|instances)(=|$)/.test(argument));
  return path.join(isFleet ? "trading-fleet" : "trading-bot", "main.mjs");
}

const main = path.join(root, "examples", program());
process.argv[1] = main;
await import(pathToFileURL(main).href);

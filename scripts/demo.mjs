// npm run demo [-- arguments]: prepares the clone, then becomes the trading bot, or with --redis or --instances the fleet.
// In this process, not in a child: signals, the terminal and the exit code are then the demo's own, with nothing in
// between to pass them on.
import path from "node:path";
import { pathToFileURL } from "node:url";
import { root, setUp } from "./setup.mjs";

setUp();
const isFleet = process.argv.some((argument) => /^--(redis|instances)(=|$)/.test(argument));
const main = path.join(root, "examples", isFleet ? "trading-fleet" : "trading-bot", "main.mjs");
process.argv[1] = main;
await import(pathToFileURL(main).href);

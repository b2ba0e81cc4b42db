// @ts-check
// The arguments of the demo: read, or refused with a sentence.
import { parseArgs } from "node:util";
import { OPTIONS, readArguments } from "../trading-bot/arguments.mjs";

const HELP = `npm run demo:market [-- options]

A program that keeps every candle of a market, another that watches it, an exchange
whose stream fails in every way, and a webhook for their alerts: four processes.
About a minute, then SIGTERM, an ordered shutdown and a table of what both sides
counted.

  --fast           the same in 15 to 20 seconds
  --keep-running   go through the schedule again and again, until Ctrl-C
  --plain          lines for each event instead of the live view (as without a
                   terminal, with NO_COLOR or CI)
  --help           this text

Ctrl-C asks the programs to shut down in order and shows the table; a second
Ctrl-C ends everything at once. Exit code: 0 when every promise held, 1 when one
did not, 130 when Ctrl-C came before the end.
`;

export const options = readArguments(HELP, () => parseArgs({ options: OPTIONS }).values);

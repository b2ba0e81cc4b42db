#!/usr/bin/env node
import { ProcessTerminal } from "./process-terminal.js";
import { run } from "./program.js";

const code = await run(process.argv.slice(2), new ProcessTerminal());
// Lost output has set the exit code already.
process.exitCode ??= code;

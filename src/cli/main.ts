#!/usr/bin/env node
import { ProcessTerminal } from "./process-terminal.js";
import { run } from "./program.js";

const code = await run(process.argv.slice(2), new ProcessTerminal());
// If output was lost, the exit code is already set.
process.exitCode ??= code;

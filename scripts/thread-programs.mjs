// The programs of the worker threads are embedded as text in the code that starts them, so that a bundler includes
// them. Each module `*-program.ts` holds one text; in the sources it is empty, and filled in here, for the build and
// for the tests.
import path from "node:path";
import { build } from "esbuild";
import { root } from "./setup.mjs";

/** Of each such module: what it exports, and the program. */
const PROGRAMS = {
  "src/watchdog/monitor-program.ts": ["monitorProgram", "src/watchdog/monitor/monitor-thread.ts"],
  "src/shutdown/deadline-program.ts": ["deadlineProgram", "src/shutdown/deadline-worker.ts"],
};

/** The text of a module that holds a program; `undefined` for any other file. */
async function moduleText(file) {
  const found = PROGRAMS[path.relative(root, file).replaceAll("\\", "/")];
  if (found === undefined) return undefined;
  const [name, program] = found;
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [program],
    bundle: true,
    write: false,
    // Every runtime takes a CommonJS script as the text of a thread; of ES modules Deno does not.
    format: "cjs",
    platform: "node",
    target: "node20",
    minify: true,
    logLevel: "warning",
  });
  // Stacks of errors then name the file.
  const named = `${outputFiles[0].text.trim()}\n//# sourceURL=kstlib-resilience/${path.basename(program, ".ts")}.js\n`;
  return `export const ${name} = ${JSON.stringify(named)};\n`;
}

/** A plugin of Rollup, for the build, and of Vitest. */
export const threadPrograms = {
  name: "thread-programs",
  enforce: "pre",
  load: (file) => moduleText(file),
};

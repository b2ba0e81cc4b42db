import fs from "node:fs";
import path from "node:path";
import { nodeFileTrace } from "@vercel/nft";
import { expect, test } from "vitest";
import { elsewhere } from "./elsewhere.js";
import { FREEZES, HELD, outcomeOf } from "./frozen-program.js";
import { Project } from "./project.js";

// Deployments that copy only the files that a program is found to need: the standalone output of Next.js, Vercel.
test.each([
  ["an ES module", "app.mjs", `import { GracefulShutdown, Watchdog } from "@kstlib/resilience";`],
  [
    "an ES module of single patterns",
    "app.mjs",
    `import { GracefulShutdown } from "@kstlib/resilience/shutdown"; import { Watchdog } from "@kstlib/resilience/watchdog";`,
  ],
  ["a CommonJS module", "app.cjs", `const { GracefulShutdown, Watchdog } = require("@kstlib/resilience");`],
])(
  "%s keeps the monitor and the deadline where only the files that were traced are",
  async (_kind, file, head) => {
    const project = new Project();
    const { fileList, warnings } = await nodeFileTrace([project.write(file, head + FREEZES)], {
      base: project.folder,
    });
    expect([...warnings]).toEqual([]);
    const deployed = elsewhere();
    for (const traced of fileList) fs.cpSync(project.path(traced), path.join(deployed, traced));
    expect(await outcomeOf(project.startIn(deployed, process.execPath, [file]))).toEqual(HELD);
  },
);

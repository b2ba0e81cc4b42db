import path from "node:path";
import * as esbuild from "esbuild";
import { beforeAll, describe, expect, test } from "vitest";
import { startServer } from "../websocket/server.js";
import { Project } from "./project.js";

const program = (imports: string): string => `${imports}
const main = async () => {
  const ws = new WebSocketManager(process.env.WS_URL, { ping: { maxSilence: 60 } });
  await ws.connect();
  const first = await ws.receive();
  await ws.close();
  console.log(JSON.stringify({ first, state: ws.state }));
};
main().catch((error) => console.log(JSON.stringify({ code: error.code })));
`;
const ESM = `import { WebSocketManager } from "@kstlib/resilience/websocket";`;
const CJS = `const { WebSocketManager } = require("@kstlib/resilience/websocket");`;

let project: Project;
let bare: Project;
beforeAll(() => {
  project = new Project().link("ws");
  bare = new Project();
});

describe("the packed package", () => {
  const run = async (of: Project, file: string): Promise<unknown> => {
    await using server = await startServer({ connected: (socket) => socket.send("first") });
    return JSON.parse(await of.run(process.execPath, [of.path(file)], { WS_URL: server.url })) as unknown;
  };
  const expected = { first: "first", state: "closed" };

  test.each([
    ["an ES module", "app.mjs", ESM],
    ["CommonJS", "app.cjs", CJS],
  ])("connects in %s, which ends by itself", async (_format, file, imports) => {
    project.write(file, program(imports));
    expect(await run(project, file)).toEqual(expected);
  });

  test.each(["esm", "cjs"] as const)("is bundled as %s, where ws is not installed", async (format) => {
    const entry = bare.write(`entry-${format}.mjs`, program(ESM));
    const file = `bundle-${format}.${format === "esm" ? "mjs" : "cjs"}`;
    await esbuild.build({
      entryPoints: [entry],
      outfile: path.join(bare.folder, file),
      bundle: true,
      platform: "node",
      format,
      logLevel: "silent",
    });
    const hasGlobal = "WebSocket" in globalThis;
    const unavailable = { code: "ERR_WEBSOCKET_UNAVAILABLE" };
    expect(await run(bare, file)).toEqual(hasGlobal ? expected : unavailable);
  });
});

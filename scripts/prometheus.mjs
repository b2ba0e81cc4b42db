// A Prometheus of one's own: on a free port, in a folder of its own, ended with this process.
import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { findProgram, UNPACKED } from "./find-program.mjs";
import { until } from "./until.mjs";

/**
 * The program that would be started; `undefined` where there is none.
 * @returns {string | undefined}
 */
export function findPrometheus() {
  return findProgram({ variable: "PROMETHEUS_PATH", programs: ["prometheus"] });
}

/**
 * The program that checks rules, of the same package.
 * @returns {string | undefined}
 */
export function findPromtool() {
  const found = findProgram({ variable: "PROMTOOL_PATH", programs: ["promtool"] });
  const unpacked = path.join(UNPACKED, "prometheus", "root", "usr", "bin", "promtool");
  return found ?? (fs.existsSync(unpacked) ? unpacked : undefined);
}

// Ends the program when its standard input ends: also when who holds it is gone, however that ended.
const GUARD = '"$@" & program=$!; (read -r _; kill -9 "$program") <&3 & wait "$program"';

/** @typedef {Awaited<ReturnType<typeof startPrometheus>>} Prometheus */

/**
 * Starts Prometheus with a configuration and waits until it answers.
 * @param {string} configuration the text of `prometheus.yml`; files that it names are looked for beside it
 * @param {readonly string[]} [files] copied beside it
 */
export async function startPrometheus(configuration, files = []) {
  const program = findPrometheus();
  if (program === undefined) throw new Error("prometheus is not installed");
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "prometheus-"));
  fs.writeFileSync(path.join(folder, "prometheus.yml"), configuration);
  for (const file of files) fs.copyFileSync(file, path.join(folder, path.basename(file)));
  const args = [
    "--config.file=prometheus.yml",
    "--storage.tsdb.path=data",
    "--web.listen-address=127.0.0.1:0",
    "--log.level=info",
  ];
  const child = spawn("sh", ["-c", GUARD, "sh", program, ...args], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let said = "";
  const ended = once(child, "exit");
  const stop = async () => {
    child.stdio[3]?.destroy();
    await ended;
    fs.rmSync(folder, { recursive: true, force: true });
  };
  try {
    const port = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`prometheus ended at once:\n${said}`)));
      child.stderr.setEncoding("utf8").on("data", (text) => {
        said += text;
        const [, found] = /Listening on"? address=\S*:(\d+)/.exec(said) ?? [];
        if (found !== undefined) resolve(Number(found));
      });
    });
    const url = `http://127.0.0.1:${port}`;
    // It listens before its storage is open, and refuses until then.
    await until("prometheus is ready", async () => (await fetch(`${url}/-/ready`)).ok);
    /** @param {string} where the path, with a query @returns {Promise<any>} its `data` */
    const get = async (where) => {
      const response = await fetch(`${url}/api/v1/${where}`);
      const text = await response.text();
      if (!response.ok) throw new Error(`prometheus answered ${response.status} to ${where}: ${text}`);
      return JSON.parse(text).data;
    };
    return {
      url,
      get,
      /** The result of an expression. @param {string} expression */
      query: async (expression) => (await get(`query?query=${encodeURIComponent(expression)}`)).result,
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

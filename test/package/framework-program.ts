/** The beginning of each program: its shutdown prints each result, and the exit code. */
export const PRELUDE = `
import http from "node:http";
import net from "node:net";
import { once } from "node:events";
import { GracefulShutdown, Health } from "@kstlib/resilience";
const shutdown = new GracefulShutdown({ timeout: 12 });
shutdown.on("callback", ({ result: { name, status, cut, error } }) =>
  name === "clients" || console.log([name, status, cut ? JSON.stringify(cut) : "", error?.message ?? ""].join(" ").trim()));
shutdown.register("database", () => console.log("database closed"), { priority: 200 });
shutdown.install();
process.on("exit", (code) => console.log("exit", code));
// The clients run in this process, so their results are printed before it ends.
const seen = [];
shutdown.register("clients", () => Promise.all(seen), { priority: 190 });
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const get = (port, path, own = agent) => new Promise((resolve, reject) => {
  http.get({ port, path, host: "127.0.0.1", agent: own }, (response) => {
    let text = "";
    response.setEncoding("utf8").on("data", (part) => (text += part)).on("end", () => resolve(text + " " + response.headers.connection));
  }).on("error", reject);
});
const raw = (port, text) => net.connect(port, "127.0.0.1").on("error", () => {}).on("close", () => console.log("cut")).resume().write(text);
/** An idle connection, a silent one, and a request in flight that is answered in the middle of the drain. */
const clients = async (port, arrival) => {
  await get(port, "/quick", new http.Agent({ keepAlive: true }));
  net.connect(port, "127.0.0.1").on("error", () => {});
  seen.push(get(port, "/slow").then((text) => console.log(text), (error) => console.log(error.code)));
  await arrival;
};
let arrived;
const arrival = new Promise((resolve) => (arrived = resolve));
const slow = async () => {
  arrived();
  await once(shutdown.signal, "abort");
  await new Promise((resolve) => setTimeout(resolve, 900));
  console.log("answered");
  return "slow";
};
const begin = () => process.kill(process.pid, "SIGTERM");
`;

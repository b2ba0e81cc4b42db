// The same with this package.
import http from "node:http";
import { GracefulShutdown } from "@kstlib/resilience";

const server = http.createServer().listen(0, "127.0.0.1");
const database = { close: async () => console.log("database closed") };

const exit = (code) => process.exit(code === 143 ? 0 : code); // close-with-grace ends with 0 after a signal
const shutdown = new GracefulShutdown({ timeout: 10, handleUncaught: true, exit });
shutdown.on("begin", ({ reason, error }) => console.log(error?.message ?? reason));
shutdown.registerServer("server", server, { priority: 10 });
shutdown.on("callback", ({ result }) => result.name === "server" && console.log("server closed"));
shutdown.register("database", () => database.close(), { priority: 20 });
shutdown.install();

server.once("listening", () => {
  if (process.argv[2] === "error") throw new Error("nobody caught this");
  process.kill(process.pid, "SIGTERM");
});

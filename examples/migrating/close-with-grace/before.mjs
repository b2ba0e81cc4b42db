// close-with-grace: one function that closes everything, on a signal or an error that nobody caught.
import http from "node:http";
import closeWithGrace from "close-with-grace";

const server = http.createServer().listen(0, "127.0.0.1");
const database = { close: async () => console.log("database closed") };

closeWithGrace({ delay: 10_000, logger: false }, async ({ signal, err }) => {
  console.log(signal ?? err.message);
  await new Promise((resolve) => server.close(resolve));
  console.log("server closed");
  await database.close();
});

server.once("listening", () => {
  if (process.argv[2] === "error") throw new Error("nobody caught this");
  process.kill(process.pid, "SIGTERM");
});

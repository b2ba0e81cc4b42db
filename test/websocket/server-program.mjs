// `server-program.mjs [port]`: a server in a process of its own.
import { WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2] ?? 0) }, () => {
  process.send?.([server.address().port]);
});

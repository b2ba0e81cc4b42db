// A server for `websocket.mjs`, by path: `/echo`, which closes in order when it gets "close", and cuts the line at "cut";
// `/refused`, which says 401; `/ticks`, which sends one each 20 ms; `/feed`, which sends numbers to all that have
// subscribed, about 1,000 a second, until it gets "stop".
import { WebSocketServer } from "ws";
import { say } from "./say.mjs";

const subscribed = new Set();
let sent = 0;
let timer;

function feed() {
  const began = performance.now();
  timer ??= setInterval(() => {
    while (sent < performance.now() - began) {
      sent++;
      for (const socket of subscribed) socket.send(String(sent));
    }
  }, 1);
}

const paths = {
  "/echo"(socket) {
    socket.on("message", (data, isBinary) => {
      if (String(data) === "close") socket.close(1000, "over");
      else if (String(data) === "cut") socket.terminate();
      else socket.send(data, { binary: isBinary });
    });
  },
  "/ticks"(socket) {
    const ticks = setInterval(() => socket.send("tick"), 20);
    socket.on("close", () => clearInterval(ticks));
  },
  "/feed"(socket) {
    socket.on("message", (data) => {
      if (String(data) === "stop") {
        clearInterval(timer);
        for (const one of subscribed) one.send(`sent ${sent}`);
        return;
      }
      subscribed.add(socket);
      feed();
    });
    socket.on("close", () => subscribed.delete(socket));
  },
};

const verifyClient = ({ req }, done) => done(req.url !== "/refused", 401);
const server = new WebSocketServer({ host: "127.0.0.1", port: 0, verifyClient }, () => {
  say("listening", { port: server.address().port });
});
server.on("connection", (socket, { url }) => {
  socket.on("error", () => {});
  socket.on("ping", () => say("ping"));
  socket.on("close", (code) => say("closed", { url, code }));
  paths[url](socket);
});

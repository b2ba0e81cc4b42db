import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { must, Unable } from "../outside.mjs";

function get(port, path, agent) {
  return new Promise((resolve, reject) => {
    const request = http.get({ port, host: "127.0.0.1", path, agent }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => (body += text));
      response.on("end", () =>
        resolve({ body, status: response.statusCode, connection: response.headers.connection }),
      );
    });
    request.on("error", reject);
  });
}

function get2(session, path) {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ":path": path });
    let body = "";
    stream.setEncoding("utf8").on("data", (text) => (body += text));
    stream.on("end", () => resolve({ body }));
    stream.on("error", reject);
    stream.end();
  });
}

/** Ends the server while `pending` is open, and lets that finish. */
async function drain(program, response) {
  // Settled at once: it may fail before it is awaited.
  const pending = response.catch(({ message, code }) => ({ body: `${message} (${code})` }));
  await program.event("slow");
  program.signal("SIGTERM");
  await program.event("begun");
  await sleep(300);
  program.endInput();
  const { body, connection } = await pending;
  must(body === "slow", `the response in flight ended in: ${body}`);
  await program.endsWith(143);
  must(
    program.events.some(({ event }) => event === "database"),
    "the callback after the server did not run",
  );
  return connection;
}

const UPGRADE = [
  "GET / HTTP/1.1",
  "Host: x",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  "Sec-WebSocket-Version: 13",
  "\r\n",
].join("\r\n");

export const servers = [
  {
    id: "http",
    title: "`registerServer` of `node:http`",
    async judge(outside) {
      const program = outside.start("servers.mjs", ["http"]);
      const { port } = await program.event("listening");
      const agent = new http.Agent({ keepAlive: true });
      const silent = net.connect(port, "127.0.0.1").on("error", () => {});
      try {
        await once(silent, "connect");
        must((await get(port, "/", agent)).body === "quick", "the first response is wrong");
        const connection = await drain(program, get(port, "/slow", agent));
        must(connection === "close", `the response in flight said connection: ${connection}`);
      } finally {
        agent.destroy();
        silent.destroy();
      }
    },
  },
  {
    id: "idle-grace",
    title: "… a request on its way to an idle connection is answered",
    async judge(outside) {
      const program = outside.start("servers.mjs", ["http"]);
      const { port } = await program.event("listening");
      const agent = new http.Agent({ keepAlive: true });
      try {
        await get(port, "/", agent);
        program.signal("SIGTERM");
        await program.event("begun");
        const late = await get(port, "/", agent).catch(({ code }) => ({ code }));
        await program.endsWith(143);
        if (late.code !== undefined)
          throw new Unable("this runtime cuts idle connections when its server closes");
        must(late.body === "quick" && late.connection === "close", `it said ${JSON.stringify(late)}`);
      } finally {
        agent.destroy();
      }
    },
  },
  {
    id: "http2",
    title: "`registerServer` of `node:http2`",
    async judge(outside) {
      const program = outside.start("servers.mjs", ["http2"]);
      const { port } = await program.event("listening");
      const session = http2.connect(`http://127.0.0.1:${port}`).on("error", () => {});
      try {
        must((await get2(session, "/")).body === "quick", "the first response is wrong");
        await drain(program, get2(session, "/slow"));
      } finally {
        session.destroy();
      }
    },
  },
  {
    id: "fastify",
    title: "`registerServer` of Fastify, with its hooks",
    async judge(outside) {
      const program = outside.start("servers.mjs", ["fastify"]);
      const { port } = await program.event("listening");
      const agent = new http.Agent({ keepAlive: true });
      try {
        must((await get(port, "/", agent)).body === "quick", "the first response is wrong");
        const connection = await drain(program, get(port, "/slow", agent));
        must(connection === "close", `the response in flight said connection: ${connection}`);
        const told = program.events.map(({ event }) => event).join();
        must(told === "listening,slow,begun,onClose,result,database,result", `it said ${told}`);
      } finally {
        agent.destroy();
      }
    },
  },
  {
    id: "websockets",
    title: "`registerServer` of ws: clients are told, stuck ones cut",
    async judge(outside) {
      const program = outside.start("servers.mjs", ["websockets"]);
      const { port } = await program.event("listening");
      const client = new WebSocket(`ws://127.0.0.1:${port}`);
      const closed = once(client, "close");
      await once(client, "open");
      // It never answers the server's close.
      const stuck = net.connect(port, "127.0.0.1").on("error", () => {});
      const cut = once(stuck, "close");
      stuck.write(UPGRADE);
      await once(stuck, "data");
      program.signal("SIGTERM");
      const [code] = await closed;
      must(code === 1001, `the client was told ${code}`);
      await cut;
      await program.endsWith(143);
      const results = program.events.filter(({ event }) => event === "result");
      const [{ status, cut: counted }] = results;
      must(status === "done" && counted?.websockets === 1, `it said ${JSON.stringify(results)}`);
      must(results.length === 3, "a later callback did not run");
    },
  },
  {
    id: "health",
    title: "`Health`: ready, then draining and alive",
    async judge(outside) {
      const program = outside.start("servers.mjs", ["health"]);
      const { port } = await program.event("listening");
      const probe = async (name) => {
        const { status, body } = await get(port, name);
        return `${status} ${JSON.parse(body).status}`;
      };
      must((await probe("/readyz")) === "200 ok", "it is not ready");
      program.signal("SIGTERM");
      await program.event("begun");
      const answers = [await probe("/readyz"), await probe("/livez")].join();
      must(answers === "503 draining,200 draining", `it said ${answers}`);
      program.tell();
      await program.endsWith(143);
    },
  },
];

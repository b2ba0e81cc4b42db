import { Limited, must } from "../outside.mjs";

/** Starts the server, on the Node at hand, and a client of it on the runtime. */
async function started(outside, scenario, path, ...args) {
  const server = outside.start("websocket-server.mjs", [], { command: [process.execPath] });
  const { port } = await server.event("listening");
  const client = outside.start("websocket.mjs", [scenario, `ws://127.0.0.1:${port}${path}`, ...args]);
  return { server, client };
}

const all = (program, name) => program.events.filter(({ event }) => event === name);
const told = (found) => `it said ${JSON.stringify(found)}`;

/** The server is stopped, which the client finds out, and then goes on. */
async function silence(outside, path, option) {
  const { server, client } = await started(outside, "silence", path, option);
  await client.event("connect");
  server.signal("SIGSTOP");
  try {
    const { reason, code } = await client.event("disconnect");
    must(reason === "ping-timeout" && code === 1006, told({ reason, code }));
  } finally {
    server.signal("SIGCONT");
  }
  await client.endsWith(0);
  must(all(client, "connect").length >= 2 && all(client, "gap").length >= 1, told(client.events));
  must(client.warning === undefined, told(client.warning));
}

export const websocket = [
  {
    id: "websocket",
    title: "text and bytes; again after a normal close or a cut line",
    async judge(outside) {
      const { server, client } = await started(outside, "echo", "/echo");
      const { texts, bytes } = await client.event("read");
      must(
        texts.join() === "subscription,subscription,subscription" && bytes.join() === "1,2,3",
        told({ texts, bytes }),
      );
      await client.endsWith(0);
      const ends = all(client, "disconnect").map(({ reason, code, text }) => `${reason} ${code} ${text}`);
      must(ends.join() === "server-closed 1000 over,network-error 1006 ,closed 1000 ", told(ends));
      must(all(client, "gap").length === 2, told(client.events));
      await server.until(() => all(server, "closed").length === 3, "the end of all connections");
      const codes = all(server, "closed").map(({ code }) => code);
      must(codes.join() === "1000,1006,1000", `the server was told ${codes}`);
    },
  },
  {
    id: "websocket-refused",
    title: "attempts that fail are told at once",
    async judge(outside) {
      const { client } = await started(outside, "refused", "/refused");
      const nobody = outside.start("websocket.mjs", ["refused", "ws://127.0.0.1:19"]);
      for (const one of [client, nobody]) {
        const { code, attempts } = await one.event("over");
        must(code === "ERR_WEBSOCKET_GAVE_UP" && attempts === 3, told({ code, attempts }));
        await one.endsWith(0);
      }
    },
  },
  {
    id: "websocket-quiet",
    title: "a server that only answers pings is kept",
    async judge(outside) {
      const { server, client } = await started(outside, "quiet", "/echo");
      await client.event("quiet");
      const enough = () => client.warning !== undefined || all(server, "ping").length >= 50;
      await server.until(enough, "pings, or a warning that there are none");
      client.endInput();
      await client.endsWith(0);
      const ends = all(client, "disconnect").map(({ reason }) => reason);
      must(ends.join() === "closed", told(ends));
      if (client.warning !== undefined)
        throw new Limited(`${client.warning.code}: ${client.warning.message}`);
    },
  },
  {
    id: "websocket-ping",
    title: "`ping.message` finds a server that stands still",
    judge: (outside) => silence(outside, "/echo", "message"),
  },
  {
    id: "websocket-silence",
    title: "… and so does `ping.maxSilence`",
    judge: (outside) => silence(outside, "/ticks", "maxSilence"),
  },
  {
    id: "websocket-handover",
    title: "a planned handover loses and doubles nothing",
    async judge(outside) {
      const { client } = await started(outside, "handover", "/feed");
      const { sent, read, different } = await client.event("over");
      must(sent > 0 && read === sent && different === sent, told({ sent, read, different }));
      await client.endsWith(0);
      const reasons = new Set(all(client, "disconnect").map(({ reason }) => reason));
      must([...reasons].join() === "scheduled,closed" && all(client, "gap").length === 0, told([...reasons]));
    },
  },
];

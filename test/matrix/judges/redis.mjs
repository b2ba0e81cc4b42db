import { findServer, startServer } from "../../../scripts/redis/server.mjs";
import { must, NotApplicable } from "../outside.mjs";

const told = (found) => `it said ${JSON.stringify(found)}`;

async function judge(outside, client) {
  if (findServer() === undefined) throw new NotApplicable("there is no redis-server");
  const server = await startServer();
  try {
    const program = outside.start("redis.mjs", [client, String(server.port)]);
    const { taken, states, beating } = await program.event("shared");
    must(taken.join() === "true,true,true,false", told(taken));
    must(states.join() === "open,open" && beating.join() === "alive", told({ states, beating }));
    server.freeze();
    program.endInput();
    const { alone, state } = await program.event("alone");
    must(alone === "ERR_STORE" && state === "open", told({ alone, state }));
    server.thaw();
    const again = await program.event("again");
    must(again.states.join() === "closed,closed", told(again));
    await program.endsWith(0);
    must(program.warning === undefined, told(program.warning));
  } finally {
    server.thaw();
    await server.stop();
  }
}

export const redis = ["ioredis", "redis"].map((client) => ({
  id: `redis-${client}`,
  title: `shared by a client of \`${client}\`; alone while the server stands still, and again`,
  judge: (outside) => judge(outside, client),
}));

// `websocket.mjs <echo|refused|quiet|silence|handover> <url> [option of ping]`; it ends by itself, when nothing is left.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocketManager } from "@kstlib/resilience/websocket";
import { say, sayWarnings } from "./say.mjs";

const [, , scenario, url, option] = process.argv;
const reconnect = { delay: "10ms", maxDelay: "50ms" };

function made(options) {
  const ws = new WebSocketManager(url, { reconnect, ...options });
  for (const name of ["connect", "disconnect", "gap", "error"]) {
    ws.on(name, (payload) => say(name, payload instanceof Error ? { code: payload.code } : payload));
  }
  return ws;
}

const scenarios = {
  async echo() {
    const ws = made({ ping: { maxSilence: "1m" } });
    ws.subscribe("subscription");
    await ws.connect();
    await ws.send(new Uint8Array([1, 2, 3]));
    const texts = [await ws.receive()];
    const bytes = await ws.receive();
    for (const end of ["close", "cut"]) {
      await ws.send(end);
      texts.push(await ws.receive());
    }
    say("read", { texts, bytes: [...new Uint8Array(bytes)] });
    await ws.close();
    say("over", { state: ws.state });
  },
  async refused() {
    const ws = made({ ping: { maxSilence: "1m" }, reconnect: { ...reconnect, maxAttempts: 3 } });
    const { code } = await ws.connect().catch((error) => error);
    say("over", { code, attempts: ws.stats.failedAttempts });
  },
  async quiet() {
    const ws = made({ ping: { interval: "20ms", timeout: "500ms" } });
    await ws.connect();
    say("quiet");
    // Until the judge has seen enough.
    await once(process.stdin.resume(), "end");
    await ws.close();
  },
  async silence() {
    const ping = {
      message: { interval: "50ms", timeout: "200ms", message: "ping" },
      maxSilence: { maxSilence: "250ms" },
    };
    const ws = made({ ping: ping[option], connection: { timeout: "2s" } });
    await ws.connect();
    while (ws.stats.reactiveDisconnects === 0) await sleep(10);
    await ws.waitConnected();
    await ws.close();
  },
  async handover() {
    const ws = made({
      ping: { maxSilence: "1m" },
      proactive: { every: "100ms", handover: true, overlap: "20ms" },
      messageKey: String,
    });
    ws.subscribe("feed");
    await ws.connect();
    const read = [];
    let sent;
    for await (const data of ws) {
      if (data.startsWith("sent")) sent = Number(data.slice(5));
      else read.push(Number(data));
      if (sent === undefined && ws.stats.proactiveDisconnects >= 5) await ws.send("stop");
      if (sent !== undefined && read.length >= sent) break;
    }
    const { doubles } = ws.stats;
    await ws.close();
    say("over", { sent, read: read.length, different: new Set(read).size, doubles });
  },
};

sayWarnings();
await scenarios[scenario]();

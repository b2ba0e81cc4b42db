// Redis as an instance sees it: a real server runs the package's scripts as they stand, but at the simulated time, and
// its answers, messages and the load on it take simulated time.
import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import { QUIET } from "./world.mjs";

/** The year 2096, so that no key expires meanwhile by the server's own clock. Microseconds. */
const ORIGIN = 4e15;

/**
 * What one call takes of a server's only thread, in milliseconds: the command, the script, and each key beyond the first.
 * All as measured by the CPU time of redis-server 7.0.
 */
const COST = { command: 0.007, script: 0.008, key: 0.004 };

/** What each subscriber takes when a message is published: a write to its connection. Milliseconds. */
const SUBSCRIBER = 0.006;

/** The way to a server and back, in milliseconds; the slowest one of a hundred takes 3 to 4 times as long. */
const WAY = { least: 0.15, mean: 0.1 };

/** `TIME` tells the simulated time, which is the last argument; else the script runs as it is. */
const atSimulatedTime = (source) => `local server = redis
local simulated = tonumber(ARGV[#ARGV])
ARGV[#ARGV] = nil
local redis = setmetatable({
  call = function(name, ...)
    if name ~= 'TIME' then return server.call(name, ...) end
    return { string.format('%.0f', math.floor(simulated / 1000000)), string.format('%.0f', simulated % 1000000) }
  end,
}, { __index = server })
${source}`;

const shaOf = (text) => createHash("sha1").update(text).digest("hex");

/** The real server behind the simulated ones. */
export class Backend {
  /** By the SHA-1 of the script that the instances know, that of the one which is told the time. */
  scripts = new Map();
  #client;
  #subscriber;
  #waiting = [];
  #heard = [];
  #markers = 0;

  constructor(port) {
    this.#client = new Redis(port);
    this.#subscriber = new Redis(port);
    this.#subscriber.on("message", (channel, text) => this.#heard.push({ channel, text }));
  }

  async load(source) {
    const [own, told] = await Promise.all([
      this.#client.call("SCRIPT", "LOAD", source),
      this.#client.call("SCRIPT", "LOAD", atSimulatedTime(source)),
    ]);
    this.scripts.set(own, told);
  }

  /** Queues a call; all that are queued go together when the first answer is needed. */
  queue(sha, keys, args, time) {
    const call = { done: false, reply: undefined, error: undefined };
    const now = ORIGIN + Math.floor(time * 1000);
    this.#waiting.push({ call, words: [this.scripts.get(sha), keys.length, ...keys, ...args, now] });
    return call;
  }

  async flush() {
    const waiting = this.#waiting;
    this.#waiting = [];
    const pipeline = this.#client.pipeline();
    for (const { words } of waiting) pipeline.evalsha(...words);
    const replies = await pipeline.exec();
    for (const [at, { call }] of waiting.entries()) {
      const [error, reply] = replies[at];
      Object.assign(call, { done: true, error: error ?? undefined, reply });
    }
  }

  async listen(channel) {
    await this.#subscriber.subscribe(channel, "marker");
  }

  /** What was published since the last time: all of it is there when a marker is, which is published behind it. */
  async heard() {
    const marker = String(++this.#markers);
    await this.#client.publish("marker", marker);
    while (!this.#heard.some(({ text }) => text === marker)) await new Promise(setImmediate);
    const heard = this.#heard.filter(({ channel }) => channel !== "marker");
    this.#heard = [];
    return heard;
  }

  async flushAll() {
    await this.#client.call("FLUSHALL");
  }

  close() {
    this.#client.disconnect();
    this.#subscriber.disconnect();
  }
}

/** One server, or one node of a cluster: a queue before a single thread. */
export class Server {
  /** Milliseconds in which it worked, and the calls it had. */
  busy = 0;
  calls = 0;
  #free = 0;
  #world;
  #random;
  #backend;
  #subscribers = new Map();

  constructor(world, random, backend) {
    this.#world = world;
    this.#random = random;
    this.#backend = backend;
  }

  /** One way of a message, in milliseconds. */
  way() {
    return WAY.least - Math.log(1 - this.#random()) * WAY.mean;
  }

  /** An instance sends a script; `answer` is called when the reply has arrived. */
  send(sha, keys, args, answer) {
    const world = this.#world;
    const isKnown = this.#backend.scripts.has(sha);
    world.at(world.now + this.way(), () => {
      this.calls++;
      const call = isKnown && this.#backend.queue(sha, keys, args, Math.max(world.now, this.#free));
      const done = this.#work(COST.command + (isKnown ? COST.script + COST.key * (keys.length - 1) : 0));
      if (this.#subscribers.size > 0) world.at(done, () => this.#deliver());
      world.at(done + this.way(), async () => {
        if (!call) return answer(new Error("NOSCRIPT No matching script."));
        if (!call.done) await this.#backend.flush();
        answer(call.error, call.reply);
      });
      return QUIET;
    });
  }

  async subscribe(channel, listener) {
    await this.#backend.listen(channel);
    const listeners = this.#subscribers.get(channel) ?? new Set();
    this.#subscribers.set(channel, listeners.add(listener));
    return () => listeners.delete(listener);
  }

  async #deliver() {
    await this.#backend.flush();
    for (const { channel, text } of await this.#backend.heard()) {
      for (const listener of this.#subscribers.get(channel) ?? []) {
        this.#world.at(this.#work(SUBSCRIBER) + this.way(), () => listener(text));
      }
    }
  }

  /** @returns when it is done. */
  #work(time) {
    this.#free = Math.max(this.#free, this.#world.now) + time;
    this.busy += time;
    return this.#free;
  }
}

/** Of a cluster: the node of each slot, in equal parts. */
export const slotsOf = (nodes) =>
  Array.from({ length: 16_384 }, (_, slot) => [String(Math.floor((slot * nodes) / 16_384))]);

/** A client for one instance, which the package takes for one of ioredis. */
export function clientOf(instance, { world, servers, backend, slots, slotOf }) {
  const isCluster = servers.length > 1;
  const evalsha = (sha, count, ...rest) =>
    new Promise((resolve, reject) => {
      const keys = rest.slice(0, count);
      const server = servers[isCluster ? Number(slots[slotOf(keys[0])][0]) : 0];
      server.send(sha, keys, rest.slice(count), (error, reply) => {
        // Nobody is there any more whom it could be told.
        if (!instance.isAlive) return;
        if (error) reject(error);
        else resolve(reply);
      });
    });
  return {
    status: "ready",
    ...(isCluster && { isCluster, slots }),
    evalsha,
    async eval(source, count, ...rest) {
      await world.until(() => backend.load(source));
      return evalsha(shaOf(source), count, ...rest);
    },
    duplicate() {
      let tell = () => {};
      let leave;
      return {
        on(event, listener) {
          if (event === "message") tell = listener;
        },
        async connect() {},
        async subscribe(channel) {
          const hear = (text) => instance.isAlive && tell(channel, text);
          await world.until(async () => (leave = await servers[0].subscribe(channel, hear)));
        },
        disconnect: () => leave?.(),
      };
    },
  };
}

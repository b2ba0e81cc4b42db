import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "redis";
import { Heartbeat } from "../../src/heartbeat/index.js";
import { RedisHeartbeatSink } from "../../src/redis/index.js";
import { certificate, hasRedis, type Server, startServer } from "../redis/servers/servers.js";
import { FakeTerminal } from "./fake-terminal.js";

const modules = path.resolve(import.meta.dirname, "../../node_modules");

/** A terminal in a project that has some packages, by the names of those of this one. */
function inProject(packages: Readonly<Record<string, string>> = { redis: "redis" }): FakeTerminal {
  const terminal = new FakeTerminal();
  fs.mkdirSync(path.join(terminal.cwd, "node_modules"));
  for (const [name, from] of Object.entries(packages))
    fs.symlinkSync(path.join(modules, from), path.join(terminal.cwd, "node_modules", name), "junction");
  return terminal;
}

describe.skipIf(!hasRedis)("the command line on Redis", () => {
  let server: Server;
  let client: ReturnType<typeof createClient>;
  beforeAll(async () => {
    server = await startServer({ password: "geheim" });
    client = createClient({ url: server.url, password: "geheim" });
    await client.connect();
    const beat = async (service: string, instance: string): Promise<Heartbeat> => {
      const sink = new RedisHeartbeatSink({ client, service, instance });
      const heartbeat = new Heartbeat({ sinks: [sink], interval: "1h", metadata: { version: "1.2" } });
      heartbeat.start();
      await heartbeat.beat();
      return heartbeat;
    };
    await beat("orders", "web-1");
    await (await beat("orders", "web-2")).stop();
    await beat("mail", "a");
  });
  afterAll(async () => {
    client.destroy();
    await server.stop();
  });
  const at = (rest = ""): string => `redis://:geheim@127.0.0.1:${server.port}${rest}`;
  const shown = (rest = ""): string => `redis://127.0.0.1:${server.port}${rest}`;

  test.each([
    ["redis", "redis"],
    ["redis", "redis-5"],
    ["redis", "redis-4"],
    ["ioredis", "ioredis"],
    ["ioredis", "ioredis-5"],
    ["iovalkey", "iovalkey"],
  ])("status shows the instances of a service by the project's %s (%s)", async (name, from) => {
    const terminal = inProject({ [name]: from });
    expect(await terminal.run("status", at("/orders"))).toBe(1);
    const [header, one, two, , end] = terminal.stdout.text.split("\n");
    expect(header).toMatch(/^NAME +STATUS +AGE +PID +HOST +METADATA$/);
    expect(one).toMatch(new RegExp(`^web-1 +ALIVE +\\S+ +${process.pid} .*version=1.2$`));
    expect(two).toMatch(/^web-2 +STOPPED /);
    expect(end).toBe("1 alive, 1 stopped");
    expect(terminal.stderr.text).toBe("");
  });

  test("status shows all services, or one instance, beside files, and as JSON", async () => {
    const terminal = inProject();
    terminal.beat("app.heartbeat");
    expect(await terminal.run("status", "app.heartbeat", at())).toBe(1);
    expect(terminal.stdout.text).toMatch(
      /app +ALIVE[^]+mail\/a +ALIVE[^]+orders\/web-1 +ALIVE[^]+3 alive, 1 stopped/,
    );
    terminal.stdout.text = "";
    expect(await terminal.run("status", "--json", at("/0/orders/web-1"))).toBe(0);
    expect(JSON.parse(terminal.stdout.text)).toMatchObject({
      allAlive: true,
      heartbeats: [{ name: "web-1", file: shown("/0/orders/web-1"), status: "alive", maxAge: 10_800 }],
    });
    terminal.stdout.text = "";
    expect(await terminal.run("status", at("/orders"), "--max-age", "1ms")).toBe(1);
    expect(terminal.stdout.text).toMatch(/web-1 +STALE/);
  });

  test.each(["redis", "redis-5", "redis-4"])("says why there is no connection (%s)", async (from) => {
    const terminal = inProject({ redis: from });
    expect(await terminal.run("status", "redis://127.0.0.1:1/orders")).toBe(2);
    expect(terminal.stdout.text + terminal.stderr.text).toMatch(/ECONNREFUSED/);
  });

  test("a name that only another program can have written looks like no other's, and controls nothing", async () => {
    const own = await startServer();
    for (const name of ["web-1/x", "\u001B[2J"]) {
      await own.command("ZADD", "kstlib:heartbeats:{orders}", 1, name);
      await own.command("HSET", "kstlib:heartbeats:{orders}:states", name, "x");
    }
    const terminal = inProject();
    expect(await terminal.run("status", `${own.url}/orders`)).toBe(1);
    expect(terminal.stdout.text).toMatch(
      /^\\x1b\[2J +UNKNOWN .+its state cannot be read\nweb-1\/x +UNKNOWN .+its state cannot be read$/m,
    );
  });

  test("status --watch repeats it, and goes on while Redis is away", async () => {
    const own = await startServer();
    const terminal = inProject();
    const watching = terminal.run("status", "--watch", `${own.url}/orders`);
    const until = async (pattern: RegExp): Promise<void> => {
      while (!pattern.test(terminal.stdout.text)) await terminal.clock.advance(1);
      terminal.stdout.text = "";
    };
    await until(/nothing found in redis:\/\/127\.0\.0\.1:\d+\/orders\n/);
    await own.kill9();
    await until(/nothing found in redis:\/\/127\.0\.0\.1:\d+\/orders \(.+\)\n/);
    await own.restart();
    await until(/nothing found in redis:\/\/127\.0\.0\.1:\d+\/orders\n/);
    terminal.interrupt();
    expect(await watching).toBe(2);
  });

  test("check answers for one instance as for a file", async () => {
    const terminal = inProject();
    expect(await terminal.run("check", at("/orders/web-1"))).toBe(0);
    expect(terminal.stdout.text).toMatch(
      new RegExp(
        `^alive: ${shown("/orders/web-1")}: last beat \\S+ ago, up to 3h is allowed; pid ${process.pid} on .+\n$`,
      ),
    );
    terminal.stdout.text = "";
    expect(await terminal.run("check", at("/orders/web-2"))).toBe(1);
    expect(await terminal.run("check", at("/orders/none"))).toBe(1);
    expect(terminal.stdout.text).toMatch(/^stopped: .+\nunknown: \S+\/orders\/none: no such instance\n$/);
    expect(await terminal.run("check", at("/orders/web-1"), "--key-prefix", "app:")).toBe(1);
    expect(await terminal.run("check", at("/orders"))).toBe(2);
    expect(terminal.stderr.text).toMatch(
      /check takes the address of one instance, such as .+; got redis:\S+\/orders\./,
    );
  });

  test("the password may stand in REDISCLI_AUTH, and is never shown", async () => {
    const terminal = inProject();
    expect(await terminal.run("check", shown("/orders/web-1"))).toBe(1);
    expect(terminal.stdout.text).toMatch(/^unknown: \S+: NOAUTH /);
    terminal.env["REDISCLI_AUTH"] = "geheim";
    expect(await terminal.run("check", shown("/orders/web-1"))).toBe(0);
    const wrong = at("/orders/web-1").replace("geheim", "wrong-word");
    for (const name of ["redis", "ioredis"]) {
      const other = inProject({ [name]: name });
      expect(await other.run("check", wrong)).toBe(1);
      expect(await other.run("status", wrong)).toBe(2);
      expect(other.stdout.text).toMatch(/^unknown: \S+: WRONGPASS /);
      expect(other.stderr.text).toMatch(/no heartbeat found in \S+ \(WRONGPASS /);
      expect(other.stdout.text + other.stderr.text).not.toContain("wrong-word");
    }
    expect(terminal.stdout.text).not.toContain("geheim");
  });

  test("rediss:// is TLS", async () => {
    const own = await startServer({ tls: certificate });
    const terminal = inProject();
    // Signed by nobody that this process trusts.
    expect(await terminal.run("check", `${own.url}/orders/web-1`)).toBe(1);
    expect(terminal.stdout.text).toMatch(/^unknown: rediss:\S+: self-signed certificate/);
  });

  test("a server that is not there, and a frozen one, are told", async () => {
    const own = await startServer();
    own.freeze();
    for (const name of ["redis", "ioredis"]) {
      const terminal = inProject({ [name]: name });
      expect(await terminal.run("check", "redis://127.0.0.1:1/orders/web-1")).toBe(1);
      expect(await terminal.run("status", "redis://localhost:1/orders")).toBe(2);
      expect(terminal.stdout.text).toMatch(/^unknown: \S+: connect ECONNREFUSED 127\.0\.0\.1:1\n$/);
      expect(terminal.stderr.text).toMatch(
        /no heartbeat found in redis:\/\/localhost:1\/orders \(.*ECONNREFUSED/,
      );
    }
  });

  test("names what is missing or wrong", async () => {
    const terminal = inProject({});
    expect(await terminal.run("status", at("/orders"))).toBe(2);
    expect(terminal.stderr.text).toMatch(
      /an address of Redis needs one of the packages redis, ioredis, iovalkey in the project of \S+: npm install redis/,
    );
    for (const address of ["redis://", "redis://:geheim@h/a/b/c", "redis://:geheim@h:x/a", "redis://h/%zz"]) {
      const other = inProject();
      expect([address, await other.run("status", address)]).toEqual([address, 2]);
      expect(other.stderr.text).toMatch(/an address that begins with redis:\/\/ must be redis:\/\/\[user/);
      expect(other.stderr.text).not.toContain("geheim");
    }
    const braces = inProject();
    expect(await braces.run("status", at("/%7Ba"))).toBe(2);
    expect(braces.stderr.text).toMatch(/service must be 1 to 200 characters without braces/);
  });
});

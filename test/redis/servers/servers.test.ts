import { spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test, vi } from "vitest";
import { createClient } from "redis";
import { freePort } from "../../../scripts/server-process.mjs";
import { isRunning } from "../../process/is-running.js";
import { certificate, hasRedis, hasValkey, startCluster, startSentinel, startServer } from "./servers.js";

test("a port that was given is given to nobody else, also before anything listens there", async () => {
  const ports = new Set<number>();
  for (let asked = 0; asked < 400; asked++) ports.add(await freePort());
  expect(ports.size).toBe(400);
});

describe.skipIf(!hasRedis)("a redis-server for tests", () => {
  test("starts anew with nothing in it, and keeps its port", async () => {
    const server = await startServer();
    await server.command("SET", "a", 1);
    expect(await server.command("GET", "a")).toBe("1");
    await server.restart();
    expect(await server.command("GET", "a")).toBeNull();
  });

  test("asks for a password, has users with rights of their own, and runs out of memory", async () => {
    const server = await startServer({
      password: "secret",
      users: ["reader on >word ~a +get"],
      maxmemory: "1kb",
    });
    expect(await server.command("ACL", "WHOAMI")).toBe("default");
    expect(await server.command("ACL", "USERS")).toEqual(["default", "reader"]);
    await expect(server.command("SET", "a", 1)).rejects.toThrow("OOM");
  });

  test("speaks TLS", async () => {
    const server = await startServer({ tls: certificate });
    const client = createClient({
      url: server.url,
      socket: { tls: true, ca: fs.readFileSync(certificate.cert) },
    });
    await client.connect();
    expect(await client.ping()).toBe("PONG");
    client.destroy();
    expect(await server.command("PING")).toBe("PONG");
  });

  test("answers again when it is thawed", async () => {
    const server = await startServer();
    server.freeze();
    const answer = server.command("PING");
    server.thaw();
    expect(await answer).toBe("PONG");
  });

  test.skipIf(!fs.existsSync("/proc/self/stat"))(
    "leaves no process and no folder when what started it is killed",
    async () => {
      const module = fileURLToPath(new URL("../../../scripts/redis/server.mjs", import.meta.url));
      const program = `
        const { startServer } = await import(${JSON.stringify(module)});
        const { pid, folder } = await startServer();
        console.log(JSON.stringify({ pid, folder }));
        setInterval(() => {}, 1000);`;
      const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [line] = await once(child.stdout, "data");
      const { pid, folder } = JSON.parse(String(line)) as { pid: number; folder: string };
      expect(isRunning(pid)).toBe(true);
      child.kill("SIGKILL");
      await vi.waitFor(() => expect([isRunning(pid), fs.existsSync(folder)]).toEqual([false, false]), 60_000);
    },
  );

  test("forms a cluster of three primaries with a replica each", async () => {
    const { nodes } = await startCluster();
    const view = String(await nodes[0]?.command("CLUSTER", "NODES"));
    expect(view.match(/\bmaster\b/g)).toHaveLength(3);
    expect(view.match(/\bslave\b/g)).toHaveLength(3);
  });

  test("is watched by sentinels that know its replica", async () => {
    const { name, primary, sentinels } = await startSentinel();
    const found: unknown = await sentinels[2]?.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name);
    expect(found).toEqual(["127.0.0.1", String(primary.port)]);
  });
});

describe.skipIf(!hasValkey)("a valkey-server for tests", () => {
  test("starts the same way", async () => {
    const server = await startServer({ kind: "valkey" });
    expect(await server.command("INFO", "server")).toContain("server_name:valkey");
  });
});

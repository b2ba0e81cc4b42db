import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";

const fixture = fileURLToPath(new URL("../fixtures/health-program.mjs", import.meta.url));
const opened: (() => void)[] = [];

afterEach(() => {
  for (const close of opened.splice(0)) close();
});

class Program {
  readonly #child: ChildProcess;
  readonly #agent = new http.Agent({ keepAlive: true });
  readonly #said: unknown[] = [];
  readonly ended: Promise<unknown>;

  constructor(...args: string[]) {
    const child = fork(fixture, args, { silent: true });
    this.#child = child;
    child.on("message", (message) => this.#said.push(message));
    this.ended = once(child, "exit").then(([code]) => code);
    opened.push(() => {
      child.kill("SIGKILL");
      this.#agent.destroy();
    });
  }

  get said(): readonly unknown[] {
    return this.#said;
  }

  /** Waits until the program has said something. */
  async hears(message: string): Promise<void> {
    while (!this.#said.includes(message)) await once(this.#child, "message");
  }

  async ports(): Promise<{ health: number; http: number }> {
    while (this.#said.length === 0) await once(this.#child, "message");
    return this.#said[0] as { health: number; http: number };
  }

  tell(message: string): void {
    this.#child.send(message);
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks over a connection that is kept where the program keeps it. */
  async get(port: number, path: string): Promise<string> {
    const request = http.get({ host: "127.0.0.1", port, path, agent: this.#agent });
    const [response]: http.IncomingMessage[] = await once(request, "response");
    let body = "";
    for await (const chunk of response ?? []) body += String(chunk);
    const { status = body } = JSON.parse(body.startsWith("{") ? body : "{}") as { status?: string };
    return `${response?.statusCode} ${status} ${response?.headers.connection}`;
  }

  /** The answers of /livez, /readyz and /startupz. */
  async health(port: number): Promise<readonly string[]> {
    const answers: string[] = [];
    for (const path of ["/livez", "/readyz", "/startupz"]) answers.push(await this.get(port, path));
    return answers;
  }
}

describe.skipIf(process.platform === "win32")("a service with a health port", () => {
  test("is starting, ready, draining but alive and serving, and exits with 143", async () => {
    const program = new Program("life");
    const { health, http: port } = await program.ports();
    expect(await program.health(health)).toEqual([
      "200 ok keep-alive",
      "503 starting keep-alive",
      "503 starting keep-alive",
    ]);

    program.tell("warm");
    while ((await program.get(health, "/readyz")) !== "200 ok keep-alive");
    expect(await program.health(health)).toEqual(Array(3).fill("200 ok keep-alive"));

    program.kill("SIGTERM");
    await program.hears("begun");
    const draining = ["200 draining close", "503 draining close", "200 draining close"];
    expect(await program.health(health)).toEqual(draining);
    expect(await program.get(port, "/")).toBe("200 served keep-alive");
    const slow = program.get(port, "/slow");
    await program.hears("serving");
    // All this was within the preStopDelay.
    expect(program.said).not.toContain("draining");

    await program.hears("draining");
    let refused = "";
    while (refused === "") {
      const answer = await program.get(port, "/").catch((error: NodeJS.ErrnoException) => error);
      if (answer instanceof Error) refused = answer.code ?? "";
    }
    expect(refused).toMatch(/ECONNREFUSED|ECONNRESET/);
    expect(await program.health(health)).toEqual(draining);
    expect(program.said).not.toContain("database");

    program.tell("finish");
    expect(await slow).toBe("200 served slowly close");
    await program.hears("database");
    expect(await program.ended).toBe(143);
  });

  test("that is stopped during its start-up is draining, abandons the start-up and cleans up", async () => {
    const program = new Program("starting");
    const { health } = await program.ports();
    expect(await program.get(health, "/readyz")).toBe("503 starting keep-alive");
    program.kill("SIGTERM");
    await program.hears("given up");
    expect(await program.health(health)).toEqual([
      "200 draining close",
      "503 draining close",
      "503 draining close",
    ]);
    program.tell("clean");
    expect(await program.ended).toBe(143);
  });

  test("whose check hangs answers all probes within its timeout, with one run of the check", async () => {
    const program = new Program("hanging", "300ms");
    const { health } = await program.ports();
    const probes = Array.from({ length: 20 }, () => program.get(health, "/readyz"));
    expect(new Set(await Promise.all(probes))).toEqual(new Set(["503 failing keep-alive"]));
    await program.hears("1 ERR_HEALTH_CHECK_TIMEOUT");
    expect(await program.get(health, "/livez")).toBe("200 ok keep-alive");
    program.kill("SIGTERM");
    expect(await program.ended).toBe(143);
  });

  test("is not held up by a probe that waits for a check", async () => {
    const program = new Program("hanging", "1h");
    const { health } = await program.ports();
    const waiting = program.get(health, "/readyz");
    await program.hears("asked");
    program.kill("SIGTERM");
    expect(await waiting).toBe("503 draining close");
    await program.hears("1 ERR_SHUTDOWN_IN_PROGRESS");
    expect(await program.ended).toBe(143);
  });

  test("is not ready while its breaker is open", async () => {
    const program = new Program("breaker");
    const { health } = await program.ports();
    expect(await program.get(health, "/readyz")).toBe("200 ok keep-alive");
    program.tell("down");
    await program.hears("open");
    expect(await program.get(health, "/readyz")).toBe("503 failing keep-alive");
    expect(await program.get(health, "/livez")).toBe("200 ok keep-alive");
    program.tell("up");
    await program.hears("closed");
    expect(await program.get(health, "/readyz")).toBe("200 ok keep-alive");
    program.kill("SIGTERM");
    expect(await program.ended).toBe(143);
  });
});

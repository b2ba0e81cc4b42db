import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export const root: string = fileURLToPath(new URL("../../../", import.meta.url));

/** On Windows a process cannot be asked to end. */
export const hasSignals: boolean = process.platform !== "win32";

/**
 * The seconds that the recipes give to an attempt: longer than a test, so that none is over on a machine that stands still
 * for a while. What a test needs to be over, it waits for.
 */
const TIMEOUT = "600";

/** A recipe as a process of its own, and what it prints. It is killed when its test is over. */
export class Recipe {
  readonly child: ChildProcess;
  output = "";

  constructor(
    program: string | readonly string[],
    environment: NodeJS.ProcessEnv = {},
    cwd = `${root}examples/recipes`,
  ) {
    const { KSTLIB_CONFIG: _config, NODE_OPTIONS: _options, NODE_ENV: _mode, ...env } = process.env;
    this.child = spawn(process.execPath, [program].flat(), {
      cwd,
      env: { ...env, TIMEOUT, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (this.output += text));
    onTestFinished(async () => {
      this.child.kill("SIGKILL");
      await this.end();
    });
  }

  /** Waits until it has printed something, and gives the match. */
  async prints(text: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = text.exec(this.output);
      if (match) return match;
      if (this.#hasEnded) throw new Error(`it ended without ${text}:\n${this.output}`);
      await sleep(10);
    }
  }

  /** The address of what it says it is listening on: `listening on 3000`. */
  async url(what = "listening"): Promise<string> {
    const [, port] = await this.prints(new RegExp(`${what} on (\\d+)\\n`));
    return `http://127.0.0.1:${port}`;
  }

  signal(name: NodeJS.Signals = "SIGTERM"): void {
    this.child.kill(name);
  }

  /** How it ended: its exit code, or the signal. */
  async end(): Promise<number | string | null> {
    if (!this.#hasEnded) await once(this.child, "close");
    return this.child.exitCode ?? this.child.signalCode;
  }

  get #hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }
}

/** A service that the recipes call. It answers with `status`, or holds requests until `release`. */
export class Service {
  /** Requests by method and path, in the order in which they came. */
  readonly requests: string[] = [];
  status = 200;
  /** The answers to the next requests, in place of `status`. */
  readonly next: { readonly status: number; readonly headers: http.OutgoingHttpHeaders }[] = [];
  isHolding = false;
  readonly #held: (() => void)[] = [];
  // Idle connections stay: a request on its way while one is closed would be lost.
  readonly #server = http.createServer({ keepAliveTimeout: 0 }, (request, response) => {
    this.requests.push(`${request.method} ${request.url}`);
    const next = this.next.shift();
    const answer = (): void => {
      const status = next?.status ?? this.status;
      response.writeHead(status, next?.headers).end(`"${status} ${request.url}"`);
    };
    if (this.isHolding) this.#held.push(answer);
    else answer();
    request.resume();
    response.on("close", () => {
      if (!response.writableFinished) this.abandoned++;
    });
  });
  /** How many requests were given up by their client. */
  abandoned = 0;

  static async start(): Promise<Service> {
    const service = new Service();
    service.#server.listen(0, "127.0.0.1");
    await once(service.#server, "listening");
    onTestFinished(() => {
      service.#server.closeAllConnections();
      service.#server.close();
    });
    return service;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Answers what it holds, and holds no more. */
  release(): void {
    this.isHolding = false;
    for (const answer of this.#held.splice(0)) answer();
  }
}

/** Asks a recipe on a connection of its own: one that was idle may be closed while the request is on its way. */
export function ask(url: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set("connection", "close");
  return fetch(url, { ...init, headers });
}

/** Waits until something holds, for as long as the test may take. */
export async function until(holds: () => unknown): Promise<void> {
  while (!(await holds())) await sleep(10);
}

/** An answer that is awaited later: should the test fail before, it is no unhandled rejection as well. */
export function later<Answer>(answer: Promise<Answer>): Promise<Answer> {
  answer.catch(() => {});
  return answer;
}

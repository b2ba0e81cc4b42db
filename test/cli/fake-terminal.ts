import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import type { Output, Terminal } from "../../src/cli/command.js";
import { run } from "../../src/cli/program.js";
import { formatTimestamp } from "../../src/heartbeat-file/timestamp.js";
import { ManualClock } from "../../src/testing/manual-clock.js";

/** A stream that keeps what is written to it. */
export class FakeOutput implements Output {
  text = "";
  readonly #listeners: Set<() => void> = new Set();

  constructor(
    readonly isTTY: boolean,
    public columns: number | undefined,
    public rows: number | undefined,
  ) {}

  write(text: string): void {
    this.text += text;
  }

  onResize(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    for (const listener of this.#listeners) listener();
  }
}

/** A terminal with its own folder, which is removed after the test. */
export class FakeTerminal implements Terminal {
  readonly stdout: FakeOutput;
  readonly stderr: FakeOutput;
  readonly clock: ManualClock = new ManualClock();
  readonly cwd: string;
  readonly env: Record<string, string | undefined>;
  readonly #controller = new AbortController();

  constructor(size?: { readonly columns: number; readonly rows?: number }) {
    const isTTY = size !== undefined;
    this.stdout = new FakeOutput(isTTY, size?.columns, size?.rows);
    this.stderr = new FakeOutput(isTTY, size?.columns, size?.rows);
    this.cwd = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "kstlib-cli-")));
    // The user's own configuration must not affect a test.
    this.env = { HOME: this.cwd };
    onTestFinished(() => fs.rmSync(this.cwd, { recursive: true, force: true }));
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  interrupt(): void {
    this.#controller.abort("SIGINT");
  }

  run(...args: string[]): Promise<number> {
    return run(args, this);
  }

  write(name: string, text: string): string {
    const file = path.join(this.cwd, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return file;
  }

  /** Writes a heartbeat of another host, whose process cannot be checked, `age` seconds old. */
  beat(name: string, age: number = 0, more: Readonly<Record<string, unknown>> = {}): string {
    const state = {
      timestamp: formatTimestamp(this.clock.wallNow() - age * 1000),
      pid: 4242,
      hostname: "elsewhere.test",
      metadata: {},
      interval: 10,
      ...more,
    };
    return this.write(name, JSON.stringify(state));
  }
}

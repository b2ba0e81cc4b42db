import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ConfigError, loadConfig } from "../../src/config/index.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "kstlib-named-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

function mistakesOf(text: string): readonly unknown[] {
  try {
    loadConfig({ path: write("kstlib.conf.yml", text), env: {} });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.issues.map(({ line, column, message }) => [line, column, message]);
  }
}

describe("a part that a pipeline of a file names", () => {
  test("must be in it, as an instance of its own kind", () => {
    const text = `resilience:
  circuit_breaker: { max_failures: 2, instances: { payments: {}, quotes: } }
  timeout: { instances: { slow: { timeout: 1m } } }
  pipelines:
    charge:
      total_timeout: slow
      retry: payments
      circuit_breaker: payment
      timeout: 2s
    refund: { total_timeout: 2 sec, circuit_breaker: quotes, bulkhead: 5s, fallback: { to: nope } }
`;
    const place = (section: string): string =>
      `a name in resilience.${section}.instances of the configuration`;
    const duration =
      'a duration above 0: seconds as a number, or a string with its unit such as "250ms", "30s", "5m", "1h30m"';
    expect(mistakesOf(text)).toEqual([
      [7, 14, `resilience.pipelines.charge.retry must be ${place("retry")}; got "payments"; there are none`],
      [
        8,
        24,
        `resilience.pipelines.charge.circuit_breaker must be ${place("circuit_breaker")}; got "payment"; did you mean payments?`,
      ],
      [
        10,
        30,
        `resilience.pipelines.refund.total_timeout must be ${duration}; or ${place("timeout")}; got "2 sec"; known are slow`,
      ],
      [10, 72, `resilience.pipelines.refund.bulkhead must be ${place("bulkhead")}; got "5s"; there are none`],
    ]);
  });

  test("may be in a file that includes or is included", () => {
    const circuits = "circuit_breaker: { instances: { payments: {} } }";
    const pipelines = "pipelines: { charge: { circuit_breaker: payments } }";
    write("other.yml", `resilience: { ${circuits} }\n`);
    expect(mistakesOf(`include: other.yml\nresilience: { ${pipelines} }\n`)).toEqual([]);
    write("other.yml", `resilience: { ${pipelines} }\n`);
    expect(mistakesOf(`include: other.yml\nresilience: { ${circuits} }\n`)).toEqual([]);
    expect(mistakesOf("include: other.yml\n")).toEqual([
      [1, 55, expect.stringMatching(/charge\.circuit_breaker must be .*; there are none$/)],
    ]);
  });
});

describe("a retry budget that a file names", () => {
  const budgets = "retry_budget: { instances: { payments: {}, quotes: {} } }";

  test("must be in it, wherever it is named", () => {
    const text = `resilience:
  ${budgets}
  retry:
    budget: payment
    instances: { a: { budget: quotes }, b: { budget: other } }
  hedge: { budget: payments }
  pipelines:
    charge: { retry: { budget: toString }, hedge: { budget: { ratio: 1 } } }
`;
    const place = "must be a name in resilience.retry_budget.instances of the configuration; got";
    expect(mistakesOf(text)).toEqual([
      [4, 13, `resilience.retry.budget ${place} "payment"; did you mean payments?`],
      [5, 54, `resilience.retry.instances.b.budget ${place} "other"; known are payments, quotes`],
      [8, 32, `resilience.pipelines.charge.retry.budget ${place} "toString"; known are payments, quotes`],
    ]);
    expect(mistakesOf("resilience: { hedge: { budget: x } }")).toEqual([
      [1, 32, `resilience.hedge.budget ${place} "x"; there are none`],
    ]);
  });

  test("may be in a file that includes or is included", () => {
    write("budgets.yml", `resilience: { ${budgets} }\n`);
    expect(mistakesOf("include: budgets.yml\nresilience: { retry: { budget: quotes } }\n")).toEqual([]);
    write("retry.yml", "resilience: { retry: { budget: quotes } }\n");
    expect(mistakesOf(`include: retry.yml\nresilience: { ${budgets} }\n`)).toEqual([]);
  });
});

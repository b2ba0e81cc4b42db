import pg from "pg";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { findPostgres, startPostgres } from "../../../scripts/postgres/server.mjs";
import { ask, hasSignals, later, Recipe, until } from "./recipe.js";

describe.skipIf(!hasSignals || findPostgres() === undefined)("the recipe pg.mjs", () => {
  let server: Awaited<ReturnType<typeof startPostgres>>;
  let client: pg.Client;
  // Looks at the connections: a transaction would see them as they were when it first did.
  let observer: pg.Client;

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  async function connect(): Promise<pg.Client> {
    const connection = new pg.Client({ connectionString: server.url, application_name: "test" });
    await connection.connect();
    onTestFinished(() => connection.end());
    return connection;
  }

  beforeEach(async () => {
    [client, observer] = await Promise.all([connect(), connect()]);
    await client.query("DROP TABLE IF EXISTS accounts");
    await client.query(
      "CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL CHECK (balance < 1000))",
    );
    await client.query("INSERT INTO accounts VALUES (1, 0), (2, 0)");
  });

  // What a connection string says counts more than what the pool was given. 0 is no limit.
  async function start(statementMs = 0) {
    const parameters = `application_name=recipe&statement_timeout=${statementMs}`;
    const recipe = new Recipe("pg.mjs", { PORT: "0", DATABASE_URL: `${server.url}?${parameters}` });
    const url = await recipe.url();
    const transfer = async (amount = 1): Promise<string> => {
      const response = await ask(`${url}/transfers/1/2/${amount}`, { method: "POST" });
      return `${response.status} ${await response.text()}`;
    };
    return { recipe, transfer };
  }

  const count = async (condition: string): Promise<number> => {
    const { rows } = await observer.query<{ count: number }>(
      `SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'recipe' AND ${condition}`,
    );
    return rows[0]?.count ?? Number.NaN;
  };
  const waiting = (): Promise<number> => count("wait_event_type = 'Lock'");
  const balances = async (): Promise<readonly number[]> => {
    const { rows } = await client.query<{ balance: number }>("SELECT balance FROM accounts ORDER BY id");
    return rows.map(({ balance }) => balance);
  };

  test("repeats a transaction that another one got in the way of, also after SIGTERM, and closes the pool", async () => {
    const { recipe, transfer } = await start();
    expect(await transfer(5)).toBe("200 done");
    await client.query("BEGIN");
    await client.query("UPDATE accounts SET balance = balance + 100 WHERE id = 1");
    const answer = later(transfer(7));
    await until(async () => (await waiting()) === 1);
    recipe.signal();
    await client.query("COMMIT"); // the one that waits then fails with 40001
    expect(await answer).toBe("200 done");
    expect(await recipe.end(), recipe.output).toBe(143);
    expect(await balances()).toEqual([88, 12]);
    await until(async () => (await count("true")) === 0);
  });

  test("takes the fault of a statement for no outage", async () => {
    const { recipe, transfer } = await start();
    for (let call = 1; call <= 6; call++)
      expect(await transfer(1000)).toMatch(/^500 [^]*accounts_balance_check/);
    expect(await transfer()).toBe("200 done");
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });

  test("fails when its connection is lost in a transaction, and takes a new one", async () => {
    const { recipe, transfer } = await start();
    await client.query("BEGIN");
    await client.query("LOCK TABLE accounts");
    const answer = later(transfer());
    await until(async () => (await waiting()) === 1);
    const pid = "SELECT pid FROM pg_stat_activity WHERE application_name = 'recipe'";
    await observer.query(`SELECT pg_terminate_backend(pid) FROM (${pid}) AS connections`);
    expect(await answer).toMatch(/^500 [^]*terminat/);
    await client.query("ROLLBACK");
    expect(await transfer()).toBe("200 done");
    expect(await balances()).toEqual([-1, 1]);
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });

  test("has the server cancel what takes too long, and then spares it", async () => {
    const { recipe, transfer } = await start(500);
    await client.query("BEGIN");
    await client.query("LOCK TABLE accounts");
    const answers = await Promise.all(Array.from({ length: 5 }, () => transfer()));
    for (const answer of answers) expect(answer).toMatch(/^500 [^]*due to statement timeout/);
    await until(async () => (await count("state <> 'idle'")) === 0);
    expect(await transfer()).toMatch(/^503 [^]*circuit .* is open/);
    expect(await waiting()).toBe(0);
    await client.query("ROLLBACK");
    expect(await balances()).toEqual([0, 0]);
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });

  test("refuses what is beyond the pool and the queue; what is said to be done is done once", async () => {
    const { recipe, transfer } = await start();
    await client.query("BEGIN");
    await client.query("LOCK TABLE accounts");
    const answers: string[] = [];
    const all = later(Promise.all(Array.from({ length: 31 }, async () => answers.push(await transfer()))));
    await until(() => answers.length > 0);
    expect(answers[0]).toMatch(/^503 [^]*bulkhead .* is full/);
    expect(await count("true")).toBeLessThanOrEqual(10);
    await client.query("ROLLBACK");
    await all;
    const done = answers.filter((answer) => answer === "200 done").length;
    expect(done).toBeGreaterThan(0);
    expect(await balances()).toEqual([-done, done]);
    recipe.signal();
    expect(await recipe.end(), recipe.output).toBe(143);
  });
});

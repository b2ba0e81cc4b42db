// pg: transactions that are repeated when they collide, cancelled when they take too long, and refused in time.
import { GracefulShutdown, isRefusal, resilient } from "@kstlib/resilience";
import express from "express";
import pg from "pg";

const timeout = Number(process.env.TIMEOUT ?? 5); // seconds, for each attempt
const ms = { query_timeout: 1000 * timeout, connectionTimeoutMillis: 1000 * timeout };
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, statement_timeout: 3000, ...ms });
pool.on("error", () => {}).on("connect", (client) => client.on("error", () => {})); // of lost connections
const isDown = (error) => !(error instanceof pg.DatabaseError) || /^(08|5[378])/.test(error.code);
const database = resilient({
  totalTimeout: 2 * timeout,
  retry: { attempts: 5, delay: "10ms", retryIf: ({ reason }) => /^40(001|P01)$/.test(reason?.code) },
  circuitBreaker: { isFailure: ({ status, reason }) => status === "rejected" && isDown(reason) },
  bulkhead: { maxConcurrent: 10, maxQueue: 20 }, // as large as pg's pool is
  timeout: { timeout, cooperative: true }, // a call keeps its permit as long as its connection
});
async function transfer({ from, to, amount }, signal) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN ISOLATION LEVEL SERIALIZABLE");
    await client.query("UPDATE accounts SET balance = balance - $2 WHERE id = $1", [from, amount]);
    await client.query("UPDATE accounts SET balance = balance + $2 WHERE id = $1", [to, amount]);
    signal.throwIfAborted(); // its time is up: the caller was told that it failed
    await client.query("COMMIT");
    client.release();
  } catch (error) {
    client.release(!(await client.query("ROLLBACK").catch(() => null))); // true closes the connection
    throw error;
  }
}
const app = express().post("/transfers/:from/:to/:amount", ({ params }, response) =>
  database.execute(({ signal }) => transfer(params, signal)).then(() => response.send("done")),
);
app.use((error, _, __, next) => next(isRefusal(error) ? Object.assign(error, { status: 503 }) : error));
const server = app.listen(process.env.PORT, () => console.log(`listening on ${server.address().port}`));
const shutdown = new GracefulShutdown({ timeout: "25s" });
shutdown.registerServer("http", server, { priority: 10 });
shutdown.register("pool", () => pool.end(), { priority: 20 });
shutdown.install();

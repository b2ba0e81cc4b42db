// pg: transactions that are repeated when they collide, cancelled when they take too long, and refused in time.
import { GracefulShutdown, resilient } from "@kstlib/resilience";
import express from "express";
import pg from "pg";

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10, statement_timeout: 3000 });
pool.on("error", () => {}); // an idle connection was lost: the next query makes another one
// A server that finds fault with a query is well, unless it lacks resources, shuts down or had to cancel the query.
const isDown = (error) => !(error instanceof pg.DatabaseError) || /^5[378]/.test(error.code);
const database = resilient({
  retry: { attempts: 5, delay: "10ms", retryIf: ({ reason }) => /^40(001|P01)$/.test(reason?.code) },
  circuitBreaker: { isFailure: ({ status, reason }) => status === "rejected" && isDown(reason) },
  bulkhead: { maxConcurrent: 10, maxQueue: 20, queueTimeout: "2s" }, // as large as the pool
  timeout: "5s",
});

async function transfer({ from, to, amount }, signal) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN ISOLATION LEVEL SERIALIZABLE");
    const change = "UPDATE accounts SET balance = balance + $2 WHERE id = $1";
    await client.query(change, [from, -amount]);
    await client.query(change, [to, amount]);
    signal.throwIfAborted(); // its time is up: the caller was told that it failed
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}
const app = express().post("/transfers/:from/:to/:amount", ({ params }, response) =>
  database.execute(({ signal }) => transfer(params, signal)).then(() => response.send("done")),
);
const server = app.listen(process.env.PORT, () => console.log(`listening on ${server.address().port}`));
const shutdown = new GracefulShutdown({ timeout: "25s" });
shutdown.registerServer("http", server, { priority: 10 });
shutdown.register("pool", () => pool.end(), { priority: 20 });
shutdown.install();

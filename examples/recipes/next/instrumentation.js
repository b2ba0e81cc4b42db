// Next.js, started with NEXT_MANUAL_SIG_HANDLE=true: otherwise it ends the process before the callbacks are done.
export async function register() {
  // Not in the Edge runtime, which has no signals.
  if (process.env.NEXT_RUNTIME === "nodejs") {
    const { subscribe, unsubscribe } = await import("node:diagnostics_channel");
    const { GracefulShutdown } = await import("@kstlib/resilience");
    const shutdown = new GracefulShutdown({ timeout: "25s" });
    // Next.js does not hand out its server, but Node tells which one a request has come to.
    subscribe("http.server.request.start", function found({ server }, channel) {
      unsubscribe(channel, found);
      if (!shutdown.isShuttingDown) shutdown.registerServer("http", server);
    });
    shutdown.register("database", () => console.log("the database is closed"), { priority: 200 });
    shutdown.install();
  }
}

// How long it takes until all instances know of a circuit that one of them has opened.

/** Seconds; long enough for all to have joined. */
const BEFORE = 3;

export async function spread({ world, count, servers, SharedCircuitBreaker, clientFor }) {
  const instances = Array.from({ length: count }, () => ({ isAlive: true }));
  const opened = [];
  const breakers = instances.map((instance) => {
    const breaker = new SharedCircuitBreaker({
      client: clientFor(instance),
      name: "upstream",
      maxFailures: 5,
      resetTimeout: "30s",
      clock: world.clockOf(instance),
    });
    breaker.on("stateChange", ({ to }) => {
      if (to === "open") opened.push(world.now);
    });
    return breaker;
  });
  // Everybody has made a call, not all at once.
  for (const [at, breaker] of breakers.entries()) {
    world.at((at / breakers.length) * 1000, () => void breaker.call(() => "well"));
  }
  let failed;
  const fail = () => {
    failed ??= world.now;
    void breakers[0].call(() => Promise.reject(new Error("down"))).catch(() => {});
  };
  for (let call = 0; call < 5; call++) world.at(BEFORE * 1000 + call, fail);
  await world.run((BEFORE + 3) * 1000);
  const last = BEFORE * 1000 + 4;
  const times = opened.map((time) => time - last).toSorted((one, other) => one - other);
  return {
    known: times.length,
    median: times[Math.floor(times.length / 2)],
    last: times.at(-1),
    calls: servers.reduce((sum, { calls }) => sum + calls, 0),
  };
}

// One limit for a whole fleet: how much is admitted, to whom, and at what cost.

/** Tokens a second that the limit has for each instance, on average. */
const SHARE = 10;

/** How many of a hundred instances crash in each second, and how soon another takes the place of one; milliseconds. */
const CRASHES = 1;
const RESTART = 500;

/** The first is asked most: some have half as many requests as the average, the first one of 10,000 has 50 times as many. */
function loads(count, load) {
  const weights = Array.from({ length: count }, (_, rank) => 1 / Math.sqrt(rank + 1));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => (weight / sum) * count * SHARE * load);
}

const exponential = (random, mean) => -Math.log(1 - random()) * mean;

/** Jain's index: 1 when all have the same, 1/n when one has everything. */
function jain(values) {
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value * value, 0);
  return (sum * sum) / (values.length * squares);
}

/** The most that was admitted in any second that begins with a tenth. */
function mostInASecond(tenths) {
  const windows = tenths.map((_, from) =>
    tenths.slice(from, from + 10).reduce((total, admitted) => total + admitted, 0),
  );
  return Math.max(...windows);
}

/**
 * Runs a fleet of `count` instances for `seconds`.
 *
 * @param load what they ask for, of what the limit allows.
 * @param make makes a limiter of an instance: `{ client, name, rate, burst, clock, … }` and what the mode adds. It
 * is told which of the instances it is.
 */
export async function limited({ world, random, count, load, seconds, clientFor, servers, make }) {
  const rate = SHARE * count;
  const burst = Math.max(10, count);
  const tenths = Array.from({ length: seconds * 10 }, () => 0);
  const places = loads(count, load).map((own, at) => ({ at, load: own, tries: 0, admitted: 0 }));
  let undecided = 0;

  const begin = (place) => {
    place.instance = { isAlive: true };
    const options = {
      client: clientFor(place.instance),
      name: "fleet",
      rate,
      burst,
      onStoreError: "closed",
      clock: world.clockOf(place.instance),
    };
    place.limiter = make(options, place.at);
  };
  const request = (place) => {
    world.at(world.now + exponential(random, 1000 / place.load), () => request(place));
    if (!place.instance.isAlive) return;
    place.tries++;
    const settled = (isAdmitted) => {
      if (isAdmitted) {
        place.admitted++;
        tenths[Math.min(tenths.length - 1, Math.floor(world.now / 100))]++;
      }
    };
    place.limiter.tryAcquire().then(settled, () => undecided++);
  };
  const crash = () => {
    world.at(world.now + exponential(random, 1e5 / (CRASHES * count)), crash);
    const place = places[Math.floor(random() * count)];
    if (!place.instance.isAlive) return;
    place.instance.isAlive = false;
    world.at(world.now + RESTART, () => begin(place));
  };

  for (const place of places) {
    begin(place);
    world.at(exponential(random, 1000 / place.load), () => request(place));
  }
  world.at(exponential(random, 1e5 / (CRASHES * count)), crash);
  await world.run(seconds * 1000);

  const tries = places.reduce((sum, place) => sum + place.tries, 0);
  const admitted = places.reduce((sum, place) => sum + place.admitted, 0);
  const calls = servers.reduce((sum, server) => sum + server.calls, 0);
  const often = places.filter((place) => place.tries >= 10);
  return {
    used: admitted / Math.min(burst + rate * seconds, tries),
    worst: mostInASecond(tenths) / (burst + rate),
    undecided: undecided / tries,
    trips: calls / tries,
    fairness: jain(often.map((place) => place.admitted / place.tries)),
    loads: servers.map(({ busy }) => busy / (seconds * 1000)),
  };
}

// A service of capacity C with a queue, and clients behind a limit: in simulated time, with a seeded random, so that
// every run gives the same. What is simulated is the limit alone: `limit` tells how many calls may be under way and
// learns from those that end.

/** mulberry32: a small seeded random from 0 to 1. */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Events by time; a binary heap. */
export class Agenda {
  #heap = [];
  get size() {
    return this.#heap.length;
  }
  push(time, run) {
    const heap = this.#heap;
    let at = heap.push({ time, run }) - 1;
    for (let up; at > 0 && heap[(up = (at - 1) >> 1)].time > heap[at].time; at = up)
      [heap[at], heap[up]] = [heap[up], heap[at]];
  }
  pop() {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ;) {
      let least = at;
      for (const down of [2 * at + 1, 2 * at + 2])
        if (down < heap.length && heap[down].time < heap[least].time) least = down;
      if (least === at) return first;
      [heap[at], heap[least]] = [heap[least], heap[at]];
      at = least;
    }
  }
}

/**
 * Runs for `seconds`. Calls arrive at `load` times what the service can do at first; each takes `service` ms on
 * average, and is given up after `deadline` ms, though the service, which does not know, works on it all the same.
 *
 * @returns the limit at each second, and how many answers were good: within the deadline.
 */
export function simulate({ limit, capacity, seconds, load = 3, service = 100, deadline = 1000, seed = 1 }) {
  const random = seeded(seed);
  const agenda = new Agenda();
  const waiting = [];
  const trace = [];
  let busy = 0;
  let good = 0;
  let inFlight = 0;
  let now = 0;

  const serve = () => {
    while (busy < capacity(now) && waiting.length > 0) {
      const answer = waiting.shift();
      busy++;
      agenda.push(now + service * (0.5 + random()), () => {
        busy--;
        answer();
        serve();
      });
    }
  };
  const call = () => {
    const began = now;
    const running = ++inFlight;
    let isOpen = true;
    const end = (dropped) => {
      if (!isOpen) return;
      isOpen = false;
      inFlight--;
      if (!dropped) good++;
      limit.ended(now, now - began, running, dropped);
    };
    waiting.push(() => end(false));
    agenda.push(began + deadline, () => end(true));
    serve();
  };
  const arrive = () => {
    if (inFlight < Math.floor(limit.limit)) call();
    agenda.push(now - (Math.log(1 - random()) * service) / (load * capacity(0)), arrive);
  };
  const note = () => {
    trace.push(Math.floor(limit.limit));
    agenda.push(now + 1000, note);
  };
  agenda.push(0, arrive);
  agenda.push(1000, note);
  while (agenda.size > 0) {
    const { time, run } = agenda.pop();
    if (time > seconds * 1000) break;
    now = time;
    run();
  }
  return { trace, good };
}

import { describe, expect, test } from "vitest";
import type { SuperviseAction } from "../../../src/cli/supervise/events.js";
import { SuperviseMachine } from "../../../src/cli/supervise/machine.js";
import { parseSettings } from "../../../src/cli/supervise/settings.js";
import { signalRoles } from "../../../src/cli/supervise/signals.js";

/** A machine with a world around it that does as it is told; times in milliseconds. */
class World {
  readonly machine: SuperviseMachine;
  readonly #hasTerminal: boolean;
  now = 0;
  pid = 100;
  /** The result of a count. */
  left = 0;
  /** The actions so far, in short form. */
  done: string[] = [];

  constructor(options: readonly string[] = [], hasTerminal = false) {
    this.machine = new SuperviseMachine(parseSettings([...options, "--", "bot"], "/"), "bot");
    this.#hasTerminal = hasTerminal;
    this.do(this.machine.begin());
  }

  do(actions: readonly SuperviseAction[]): void {
    for (const action of actions) {
      this.done.push(short(action));
      if (action.do === "count") this.do(this.machine.counted(this.left, this.now));
    }
  }

  started(): this {
    this.do(this.machine.started((this.pid += 1), this.now));
    this.taken();
    return this;
  }

  exited(code: number | null, signal: NodeJS.Signals | null = null): this {
    this.do(this.machine.exited(code, signal, this.now));
    return this;
  }

  signal(signal: NodeJS.Signals): this {
    const role = signalRoles(this.#hasTerminal).get(signal);
    if (role === undefined) throw new Error(signal);
    this.do(this.machine.signalled(signal, role, this.now));
    return this;
  }

  looked(sign: "beat" | "frozen" | "none"): this {
    this.do(this.machine.looked(sign, this.now));
    return this;
  }

  /** Time goes by, with every wake at its time; each look finds nothing new. */
  pass(milliseconds: number): this {
    const end = this.now + milliseconds;
    for (let at = this.machine.wakeAt; at !== undefined && at <= end; at = this.machine.wakeAt) {
      this.now = Math.max(this.now, at);
      const before = this.done.length;
      this.do(this.machine.wake(this.now));
      if (this.done.at(-1) === "look") this.looked("none");
      if (this.done.length === before) throw new Error("woken for nothing");
    }
    this.now = end;
    return this;
  }

  taken(): readonly string[] {
    const done = this.done.filter((what) => what !== "look");
    this.done = [];
    return done;
  }
}

function short(action: SuperviseAction): string {
  switch (action.do) {
    case "tell":
      return action.event.event;
    case "signal":
      return `${action.signal} to ${action.to}`;
    case "sweep":
      return `${action.signal} to all`;
    case "finish":
      return `finish ${action.code}`;
    default:
      return action.do;
  }
}

const HEART = ["--heartbeat", "f", "--max-age", "10", "--start-grace", "40", "--grace", "5"];

describe("a program that exits", () => {
  test("is started again after a delay that doubles", () => {
    const world = new World(["--max-restarts", "unlimited", "--backoff", "1s..5s"]);
    expect(world.taken()).toEqual(["start"]);
    const delays = [1000, 2000, 4000, 5000, 5000];
    for (const delay of delays) {
      world.started().exited(1);
      expect(world.taken()).toEqual(["exited", "count", "restarting"]);
      world.pass(delay - 1);
      expect(world.taken()).toEqual([]);
      world.pass(1);
      expect(world.taken()).toEqual(["start"]);
    }
    // A run longer than the longest delay was no failed start.
    world.started().pass(5001).exited(1).pass(1000);
    expect(world.taken()).toEqual(["exited", "count", "restarting", "start"]);
  });

  test.each([
    ["always", 0, null, false],
    ["always", 1, null, false],
    ["on-failure", 0, null, true],
    ["on-failure", 1, null, false],
    ["on-failure", null, "SIGKILL", false],
  ] as const)("with --restart %s after code %s, signal %s is over: %s", (restart, code, signal, isOver) => {
    const world = new World(["--restart", restart]).started().exited(code, signal);
    expect(world.taken().slice(2)).toEqual(isOver ? ["ended", "finish 0"] : ["restarting"]);
  });

  test("is no longer restarted when one restart too many is needed within the window", () => {
    const world = new World(["--max-restarts", "2/1m", "--backoff", "1s..1s"]);
    for (const _ of [1, 2]) world.started().exited(1).pass(1000);
    world.started().exited(1);
    expect(world.taken()).toEqual(["exited", "count", "gave-up", "ended", "finish 75"]);
    expect(world.machine.wakeAt).toBeUndefined();
  });

  test("is restarted forever when the restarts are far enough apart", () => {
    const world = new World(["--max-restarts", "2/1m", "--backoff", "1s..1s"]);
    for (let run = 0; run < 20; run += 1) world.started().pass(30_000).exited(1).pass(1000);
    expect(world.taken().at(-1)).toBe("start");
  });

  test("is never restarted with --max-restarts 0", () => {
    const world = new World(["--max-restarts", "0/1m"]).started().exited(1);
    expect(world.taken().at(-1)).toBe("finish 75");
  });
});

describe("a program that cannot be started", () => {
  test("ends the supervisor with the shell's code when it is the first run", () => {
    const world = new World();
    world.taken();
    world.do(world.machine.startFailed("no", 127, true, 0));
    expect(world.taken()).toEqual(["start-failed", "ended", "finish 127"]);
  });

  test.each([
    ["a later run", true, true],
    ["a temporary reason", false, false],
  ])("is started again for %s", (_what, hopeless, isLater) => {
    const world = new World();
    if (isLater) world.started().exited(1).pass(1000);
    world.taken();
    world.do(world.machine.startFailed("no", 127, hopeless, world.now));
    expect(world.taken()).toEqual(["start-failed", "restarting"]);
  });
});

describe("a heartbeat", () => {
  test("that never begins counts as stale after --start-grace", () => {
    const world = new World(HEART).started().pass(40_000);
    expect(world.taken()).toEqual([]);
    world.pass(1000);
    expect(world.taken()).toEqual(["stale", "SIGTERM to program", "SIGCONT to group"]);
  });

  test("that ends counts as stale after --max-age", () => {
    const world = new World(HEART).started().looked("beat").pass(10_000);
    expect(world.taken()).toEqual([]);
    world.pass(1000);
    expect(world.taken()[0]).toBe("stale");
  });

  test("that continues never counts as stale", () => {
    const world = new World(HEART).started();
    for (let beat = 0; beat < 50; beat += 1) world.pass(9000).looked("beat");
    expect(world.taken()).toEqual([]);
  });

  test("that says frozen ends the program at once", () => {
    const world = new World(HEART).started().looked("frozen");
    expect(world.taken()).toEqual(["frozen", "SIGTERM to program", "SIGCONT to group"]);
  });

  test("does not count as stale for time during which the supervisor itself was suspended", () => {
    const world = new World(HEART).started().looked("beat");
    world.now += 3_600_000;
    world.do(world.machine.wake(world.now));
    world.looked("none").pass(8000);
    expect(world.taken()).toEqual([]);
    world.pass(4000);
    expect(world.taken()[0]).toBe("stale");
  });

  test("that is stale is reported with its interval if --max-age is too short for it", () => {
    const stale = (interval: number | undefined): SuperviseAction | undefined => {
      const { machine } = new World(HEART);
      machine.started(1, 0);
      machine.looked("beat", 1000, interval);
      for (let now = 2000; now < 11_500; now += 1000) machine.looked("none", now, interval);
      return machine.looked("none", 11_500, interval)[0];
    };
    const event = { event: "stale", pid: 1, seconds: 10.5, beaten: true };
    expect(stale(10)).toEqual({ do: "tell", event: { ...event, interval: 10 } });
    expect(stale(9.9)).toEqual({ do: "tell", event });
    expect(stale(undefined)).toEqual({ do: "tell", event });
  });

  test("is reported in whole milliseconds", () => {
    const { machine } = new World();
    machine.started(1, 0.1);
    expect(machine.exited(0, null, 7.168053)[0]).toMatchObject({ event: { seconds: 0.007 } });
  });

  test("is read a few times within --max-age, and at least every second", () => {
    expect(new World(["--heartbeat", "f", "--max-age", "1h"]).started().machine.wakeAt).toBe(1000);
    expect(new World(["--heartbeat", "f", "--max-age", "1"]).started().machine.wakeAt).toBe(250);
    expect(new World().started().machine.wakeAt).toBeUndefined();
  });

  test("is not read twice at the same time", () => {
    const world = new World(HEART).started();
    world.now = 1000;
    world.do(world.machine.wake(world.now));
    expect(world.machine.wakeAt).toBeUndefined();
    expect(world.machine.wake(5000)).toEqual([]);
  });

  test("is ignored once the program is ending", () => {
    const world = new World(HEART).started().signal("SIGTERM");
    world.taken();
    expect(world.looked("frozen").taken()).toEqual([]);
  });
});

describe("a program that hangs", () => {
  test("is killed after --grace and started again", () => {
    const world = new World(HEART).started().looked("frozen").pass(4999);
    world.taken();
    expect(world.pass(1).taken()).toEqual(["killing", "SIGKILL to all"]);
    expect(world.machine.wakeAt).toBeUndefined();
    expect(world.exited(null, "SIGKILL").taken()).toEqual(["exited", "count", "restarting"]);
  });

  test("has failed, even if it exits with 0", () => {
    const world = new World([...HEART, "--restart", "on-failure"]).started().looked("frozen").exited(0);
    expect(world.taken().at(-1)).toBe("restarting");
    // And the run after that has not.
    world.pass(1000).started().exited(0);
    expect(world.taken().at(-1)).toBe("finish 0");
  });

  test("gets no second SIGTERM when the supervisor is told to stop, and is not started again", () => {
    const world = new World(HEART).started().looked("frozen");
    world.taken();
    expect(world.signal("SIGTERM").taken()).toEqual(["stopping"]);
    expect(world.pass(5000).taken()).toEqual(["killing", "SIGKILL to all"]);
    expect(world.exited(null, "SIGKILL").taken()).toEqual(["exited", "count", "ended", "finish 137"]);
  });
});

describe("a signal", () => {
  test.each([
    ["SIGTERM", false, "program"],
    ["SIGINT", false, "group"],
    ["SIGQUIT", false, "group"],
    ["SIGHUP", true, "group"],
  ] as const)("%s stops (terminal: %s), and goes to the %s", (signal, hasTerminal, to) => {
    const world = new World([], hasTerminal).started().signal(signal);
    expect(world.taken()).toEqual(["stopping", `${signal} to ${to}`, "SIGCONT to group"]);
    expect(world.exited(3).taken()).toEqual(["exited", "count", "ended", "finish 3"]);
  });

  test.each(["SIGHUP", "SIGUSR1", "SIGUSR2"] as const)("%s is passed on to the program", (signal) => {
    const world = new World().started().signal(signal);
    expect(world.taken()).toEqual([`${signal} to program`, "forwarded"]);
  });

  test("about a new window size is passed on without a line", () => {
    expect(new World().started().signal("SIGWINCH").taken()).toEqual(["SIGWINCH to group"]);
  });

  test("is not passed on while there is no program", () => {
    const world = new World().started().exited(1);
    world.taken();
    expect(world.signal("SIGUSR2").signal("SIGCONT").taken()).toEqual([]);
  });

  test("that stops during the wait for a restart ends at once, with the code of the last run", () => {
    const world = new World().started().exited(4);
    world.taken();
    expect(world.signal("SIGTERM").taken()).toEqual(["stopping", "ended", "finish 4"]);
    expect(world.machine.wakeAt).toBeUndefined();
    expect(world.signal("SIGTERM").taken()).toEqual([]);
  });

  test("that stops while a start fails ends with that code", () => {
    const world = new World().started().exited(1).pass(1000).signal("SIGTERM");
    world.taken();
    world.do(world.machine.startFailed("no", 127, true, world.now));
    expect(world.taken()).toEqual(["start-failed", "ended", "finish 127"]);
  });

  test.each(["SIGINT", "SIGQUIT"] as const)("that is typed after a first one kills at once: %s", (second) => {
    for (const first of ["SIGTERM", "SIGINT"] as const) {
      const world = new World().started().signal(first).pass(500);
      world.taken();
      expect(world.signal(second).taken()).toEqual(["killing", "SIGKILL to all"]);
      expect(world.signal("SIGINT").taken()).toEqual([]);
    }
  });

  test.each(["SIGTERM", "SIGHUP"] as const)(
    "that a program sends after another one changes nothing: %s",
    (second) => {
      const world = new World([], true).started().signal("SIGINT").pass(5000);
      world.taken();
      expect(world.signal(second).taken()).toEqual([]);
    },
  );

  test.each(["SIGINT", "SIGTERM"] as const)("that a wrapper forwards is not a second request: %s", (copy) => {
    const world = new World().started().signal("SIGTERM").pass(499);
    world.taken();
    expect(world.signal(copy).taken()).toEqual([]);
  });

  test("that resumes a program which is ending restarts its grace period", () => {
    const world = new World(["--grace", "10"]).started().signal("SIGTERM").pass(9000);
    world.taken();
    expect(world.signal("SIGTSTP").taken()).toEqual(["suspend"]);
    expect(world.signal("SIGCONT").pass(9999).taken()).toEqual(["SIGCONT to group"]);
    expect(world.pass(1).taken()[0]).toBe("killing");
  });

  test("does not keep the supervisor waiting forever when the program cannot be killed", () => {
    const world = new World(["--grace", "1"]).started().signal("SIGTERM").pass(1000);
    world.taken();
    expect(world.pass(5000).taken()).toEqual(["left-behind", "ended", "finish 137"]);
  });
});

describe("a process that a program leaves behind", () => {
  test("is asked to end, then killed, before the program is started again", () => {
    const world = new World(["--grace", "1"]).started();
    world.left = 2;
    expect(world.exited(1).taken()).toEqual(["exited", "count", "leftovers", "SIGTERM to all"]);
    world.pass(999);
    expect(new Set(world.taken())).toEqual(new Set(["count"]));
    expect(world.pass(100).taken()).toContain("SIGKILL to all");
    world.left = 0;
    expect(world.pass(100).taken()).toEqual(["count", "restarting"]);
  });

  test("is killed repeatedly while any is left, and given up if that does not help", () => {
    const world = new World(["--grace", "1"]).started();
    world.left = 1;
    world.exited(1).pass(1000);
    world.taken();
    world.pass(4000);
    expect(new Set(world.taken())).toEqual(new Set(["count", "SIGKILL to all"]));
    expect(world.pass(1500).taken()).toContain("left-behind");
  });

  test("has the rest of the grace period if the program was told to stop", () => {
    const world = new World(["--grace", "10"]).started().signal("SIGTERM").pass(9000);
    world.left = 1;
    world.exited(0);
    world.taken();
    expect(world.pass(1100).taken()).toContain("killing");
  });

  test("is killed at once after a program that had to be killed", () => {
    const world = new World(["--grace", "1"]).started().signal("SIGTERM").pass(1000);
    world.left = 1;
    world.taken();
    expect(world.exited(null, "SIGKILL").taken()).toEqual(["exited", "count", "leftovers", "SIGKILL to all"]);
  });
});

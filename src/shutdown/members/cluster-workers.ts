import type { Clock } from "../../kernel/clock.js";
import { show } from "../../kernel/show.js";
import type { Hook } from "../plan.js";
import { Members } from "./members.js";
import { pack, replyIn } from "./messages.js";

/** The required part of a worker of `node:cluster`. */
export interface ClusterWorker {
  readonly id: number;
  readonly process: { readonly pid?: number | undefined; kill(signal: "SIGTERM" | "SIGKILL"): unknown };
  isConnected(): boolean;
  isDead(): boolean;
  send(message: object, callback: (error: Error | null) => void): unknown;
}

type Forked = (worker: ClusterWorker) => void;
type Told = (worker: ClusterWorker, message: unknown) => void;
type Exited = (worker: ClusterWorker, exitCode: number | null, signal: string | null) => void;

/** The part of `node:cluster` in the primary process that `registerCluster` needs. */
export interface ClusterPrimary {
  readonly isPrimary: boolean;
  readonly workers?: { readonly [id: string]: ClusterWorker | undefined } | undefined;
  on(event: "fork", listener: Forked): unknown;
  on(event: "message", listener: Told): unknown;
  on(event: "exit", listener: Exited): unknown;
  off(event: "fork" | "message" | "exit", listener: Forked | Told | Exited): unknown;
}

/**
 * Tracks the workers of a cluster, including those that are forked later, to end all in one turn. They are told
 * by messages: a terminal or service manager has often sent a signal to the whole group, and another one would be
 * their second.
 *
 * @throws TypeError unless `cluster` is that of a primary process.
 */
export function trackCluster(
  cluster: ClusterPrimary,
  clock: Clock,
  isBegun: () => boolean,
): Pick<Hook, "callback" | "members" | "release"> {
  const { isPrimary, on } = Object(cluster) as Partial<ClusterPrimary>;
  if (isPrimary !== true || typeof on !== "function") {
    throw new TypeError(`cluster must be node:cluster in the primary process; got ${show(cluster)}.`);
  }
  const members = new Members(clock, isBegun);
  const forked: Forked = (worker) =>
    members.add(worker.id, {
      name: `worker ${worker.id}`,
      pid: worker.process.pid ?? null,
      say(command) {
        // Sending to a worker that is exiting fails, which is not an error.
        if (worker.isConnected()) worker.send(pack(command), () => {});
      },
      dismiss: () => void worker.process.kill("SIGTERM"),
      kill: () => void worker.process.kill("SIGKILL"),
    });
  const told: Told = (worker, message) => {
    const answer = replyIn(message);
    if (answer !== undefined) members.replied(worker.id, answer);
  };
  const exited: Exited = (worker, exitCode, signal) => {
    // Node reports exit code 0 with a signal.
    members.gone(worker.id, signal === null ? exitCode : null, signal);
  };
  cluster.on("fork", forked);
  cluster.on("message", told);
  cluster.on("exit", exited);
  for (const worker of Object.values(cluster.workers ?? {})) {
    if (worker?.isDead() === false) forked(worker);
  }
  return {
    ...members.hook,
    release() {
      cluster.off("fork", forked);
      cluster.off("message", told);
      cluster.off("exit", exited);
    },
  };
}

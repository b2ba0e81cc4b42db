import { readStateSync } from "../heartbeat-file/readers.js";
import { processFate } from "../heartbeat-file/process-identity.js";
import { type HeartbeatCheck, judge } from "../heartbeat-file/verdict.js";
import { durationArgument, parseArguments } from "./arguments.js";
import { type Command, type Terminal, UsageError } from "./command.js";

export const check: Command = {
  name: "check",
  summary: "is one heartbeat alive? For a Docker HEALTHCHECK or a Kubernetes exec probe",
  help: "",
  async run(args: readonly string[], terminal: Terminal): Promise<number> {
    const { values, positionals } = parseArguments(args, { "max-age": { type: "string" } });
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) throw new UsageError("one heartbeat file is needed");
    const maxAge =
      values["max-age"] === undefined ? undefined : durationArgument(values["max-age"], "--max-age");
    const state = readStateSync(file);
    const now = terminal.clock.wallNow();
    const result: HeartbeatCheck = judge(
      state,
      state === null ? "unknown" : processFate(state, now),
      now,
      maxAge,
    );
    terminal.stdout.write(`${result.status}\n`);
    return result.status === "alive" ? 0 : 1;
  },
};

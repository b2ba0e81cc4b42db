import { createHash } from "node:crypto";

/** A Lua script and its SHA-1, by which a server that knows it is told to run it. */
export class Script {
  readonly source: string;
  readonly sha: string;

  constructor(source: string) {
    this.source = source;
    this.sha = createHash("sha1").update(source).digest("hex");
  }
}

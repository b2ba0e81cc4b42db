// Where PostgreSQL is found: Debian keeps its programs off the PATH, in a folder for each version.
import fs from "node:fs";
import path from "node:path";
import { UNPACKED } from "../find-program.mjs";

const VERSIONS = "usr/lib/postgresql";

/** The newest version first. */
function folders() {
  return ["/", path.join(UNPACKED, "postgresql", "root")]
    .map((root) => path.join(root, VERSIONS))
    .filter((all) => fs.existsSync(all))
    .flatMap((all) =>
      fs
        .readdirSync(all)
        .toSorted((a, b) => Number(b) - Number(a))
        .map((version) => path.join(all, version, "bin")),
    );
}

/** For `findProgram`. */
export const POSTGRES = { variable: "POSTGRES", programs: ["postgres"], folders };

// Where a program is: by an environment variable, on the PATH, in a folder of its own, or unpacked by scripts/redis/unpack.mjs.
import fs from "node:fs";
import path from "node:path";

/** Where programs are unpacked that could not be installed; git ignores it. */
export const UNPACKED = path.join(import.meta.dirname, "..", "node_modules", ".cache", "servers");

/** @param {string} file */
function isProgram(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

/** @param {string} program */
export function onPath(program) {
  const endings = process.platform === "win32" ? [".exe"] : [""];
  return (process.env.PATH ?? "")
    .split(path.delimiter)
    .flatMap((folder) => endings.map((ending) => path.join(folder, program + ending)))
    .find(isProgram);
}

/**
 * @param {object} tool
 * @param {string} tool.variable
 * @param {readonly string[]} tool.programs
 * @param {() => readonly string[]} [tool.folders] where it is besides
 * @returns {string | undefined}
 */
export function findProgram({ variable, programs, folders = () => [] }) {
  const given = process.env[variable];
  if (given !== undefined && given !== "") return isProgram(given) ? given : undefined;
  for (const program of programs) {
    const elsewhere = [path.join(UNPACKED, program), ...folders()].map((folder) =>
      path.join(folder, program),
    );
    const found = onPath(program) ?? elsewhere.find(isProgram);
    if (found !== undefined) return found;
  }
  return undefined;
}

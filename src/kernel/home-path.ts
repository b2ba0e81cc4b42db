/**
 * Replaces `~` or `~/` at the beginning of a path by the home folder, as a shell does: no shell expands it in a file, in
 * a container's environment or in a service's unit. A folder named `~` is `./~`.
 */
export function fromHome(
  file: string,
  home: () => string = () => process.getBuiltinModule("node:os").homedir(),
): string {
  // Not imported: a circuit breaker alone should load no module of Node.
  const path = process.getBuiltinModule("node:path");
  // `~` alone, or before a separator of this system.
  const isHome = path.sep === "\\" ? /^~(?=$|[\\/])/ : /^~(?=$|\/)/;
  return isHome.test(file) ? path.join(home(), file.slice(1)) : file;
}

/** Whether a path begins with another user's home folder, `~name/`, which Node cannot look up. */
export function isForeignHome(file: string): boolean {
  return /^~[^\\/]+[\\/]/.test(file);
}

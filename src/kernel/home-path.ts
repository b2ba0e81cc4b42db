/**
 * Replaces `~` or `~/` at the beginning of a path by the home folder, as a shell does. No shell reads a file, a
 * container's environment or a service's unit, and nobody wants a folder of the name `~`; who does writes `./~`.
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

/** Whether a path begins in the home folder of somebody else, `~name/`: which that is, Node cannot tell. */
export function isForeignHome(file: string): boolean {
  return /^~[^\\/]+[\\/]/.test(file);
}

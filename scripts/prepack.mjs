// npm runs this before it packs or publishes: a package without dist/ would install and not work.
import { ensureBuilt } from "./setup.mjs";

// npm reads the list of files from stdout when asked for JSON.
console.log = console.error;
ensureBuilt();

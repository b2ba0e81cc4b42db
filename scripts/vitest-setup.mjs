// Some tests run the built package in processes and threads of their own: it must be what the sources say.
import { ensureBuilt } from "./setup.mjs";

export default function setup() {
  ensureBuilt();
}

// Some tests run the built package in separate processes and threads, so it must match the sources.
import { ensureBuilt } from "./setup.mjs";

export default function setup() {
  ensureBuilt();
}

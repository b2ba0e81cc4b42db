// What the library can do, each shown by a small program that is judged from outside.
import { core } from "./judges/core.mjs";

export const CAPABILITIES = [...core];

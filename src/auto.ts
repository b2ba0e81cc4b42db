/// <reference lib="esnext.disposable" preserve="true" />
import { loadConfig } from "./config/load.js";
import { configure } from "./configure.js";
import type { ResilienceConfig } from "./descriptors.js";

/** The configuration found when this module was imported; it is the process-wide default from then on. */
export const config: ResilienceConfig = loadConfig();

configure(config);

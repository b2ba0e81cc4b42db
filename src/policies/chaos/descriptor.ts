import type { ComponentDescriptor } from "../../kernel/descriptor.js";
import { Chaos, type ChaosEvents } from "./chaos.js";
import type { ChaosOptions } from "./options.js";

export const component: ComponentDescriptor<Chaos<unknown>, ChaosEvents> = {
  kind: "chaos",
  events: { fault: true },
  make: (options: ChaosOptions) => new Chaos(options),
};

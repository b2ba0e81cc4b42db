import { logged } from "../../kernel/log-line.js";
import type { ComponentDescriptor } from "../../kernel/descriptor.js";
import { Chaos, type ChaosEvents } from "./chaos.js";
import type { ChaosOptions } from "./options.js";

export const component: ComponentDescriptor<Chaos<unknown>, ChaosEvents> = {
  kind: "chaos",
  events: {
    fault: logged("info", ({ kind }) => ({
      message: `injected a fault: ${kind}`,
      fields: { fault: kind },
    })),
  },
  make: (options: ChaosOptions) => new Chaos(options),
};
